import fs from 'node:fs'; export const handler = async () => 'wrong'; const x = require('fs');
