import { setTimeout as later } from 'node:timers/promises';

await later(1);

export const handler = async () => 'from an ES module';
