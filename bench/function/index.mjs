export const handler = async (event) => ({
  statusCode: 200,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ page: event.queryStringParameters.page, title: "A page of a book" }),
});
