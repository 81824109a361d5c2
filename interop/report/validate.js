// Reads a SARIF log from standard input and prints what OASIS's schema finds wrong with it, a line for each error.
const Ajv = require("ajv");
const ajv = new Ajv({ schemaId: "id", allErrors: true, logger: false });
ajv.addMetaSchema(require("ajv/lib/refs/json-schema-draft-04.json"));
const valid = ajv.compile(require("@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"));
if (!valid(JSON.parse(require("fs").readFileSync(0, "utf8")))) {
  for (const error of valid.errors) console.log(error.dataPath, error.message, JSON.stringify(error.params));
}
