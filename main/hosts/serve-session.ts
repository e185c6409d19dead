import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { refuse } from '../contract/errors.ts';
import { readJsonIfThere } from '../files/parse-json.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { requireUserKey } from '../workspace/user-key.ts';

const FILE = 'serve.json';
const MAX_FILE_BYTES = 4_096;

/** `nonce` is no secret: token and cookie are its signatures by the user's key. */
const servedBefore = z.object({ nonce: z.string().regex(/^[0-9a-f]{32}$/), port: z.number().int().min(1).max(65_535) });

/** Secrets of `uncurl serve`. */
export interface ServeSecrets {
  readonly token: string;
  /** Value of the cookie for which a page exchanges the token. */
  readonly session: string;
}

/** Session kept over a restart of `uncurl serve`, so that an open page connects to the next one by itself. */
export interface ServeSession extends ServeSecrets {
  /** Port of the last server; null: none yet. */
  readonly port: number | null;
  /** Keeps a port, and a new token, for the next server. */
  readonly keep: (port: number) => Promise<void>;
}

/**
 * The session kept in the state folder beside the user's settings. `isNew` changes the token: pages opened before are
 * refused from then on.
 *
 * @throws WorkbenchError `serve-damaged`, and those of `requireUserKey`.
 */
export const openServeSession = async (stateFolder: string, isNew: boolean): Promise<ServeSession> => {
  const key = await requireUserKey(stateFolder);
  const file = join(stateFolder, FILE);
  const before = await readJsonIfThere(file, servedBefore, { mostBytes: MAX_FILE_BYTES }, () =>
    refuse('serve-damaged', `${file} is damaged.`, 'Remove it: the next start prints another address.'),
  );
  const nonce = isNew || before === null ? randomBytes(16).toString('hex') : before.nonce;
  const signed = (what: string): string =>
    Buffer.from(key.sign(`uncurl serve ${what} ${nonce}`), 'hex').toString('base64url');
  return {
    token: signed('token'),
    session: signed('session'),
    port: before?.port ?? null,
    keep: async (port) => {
      if (before?.nonce === nonce && before.port === port) return;
      await writeFileAtomically(file, `${JSON.stringify({ nonce, port })}\n`, stateFolder);
    },
  };
};
