import { readFileSync } from 'node:fs';
import { z } from 'zod';

const packageText = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
const { version } = z.object({ version: z.string() }).parse(JSON.parse(packageText));

/** The `user-agent` of everything Herald sends. */
export const userAgent = `Herald/${version}`;
