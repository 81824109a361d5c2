export const handler = async (event) => `from ${import.meta.url.split('/').pop()}`;
export default { other: async () => 'from the default export' };
