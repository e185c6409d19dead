import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { refuse } from '../contract/errors.ts';
import { readJsonIfThere } from '../files/parse-json.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { requireUserKey } from '../workspace/user-key.ts';

const FILE = 'serve.json';
const MAX_FILE_BYTES = 4_096;

/** `nonce` is no secret: the token is its signature by the user's key. */
const servedBefore = z.object({ nonce: z.string().regex(/^[0-9a-f]{32}$/), port: z.number().int().min(1).max(65_535) });

/** Session kept over a restart of `uncurl serve`, so that an open page connects to the next one by itself. */
export interface ServeSession {
  /** The token that is valid now: another process of this user may have replaced it. */
  readonly token: () => Promise<string>;
  /** Port of the last server; null: none yet. */
  readonly port: number | null;
  /** Keeps a port, and a new token, for the next server. */
  readonly keep: (port: number) => Promise<void>;
}

const fileIn = (stateFolder: string): string => join(stateFolder, FILE);

const readServed = (stateFolder: string): Promise<z.infer<typeof servedBefore> | null> =>
  readJsonIfThere(fileIn(stateFolder), servedBefore, { mostBytes: MAX_FILE_BYTES }, () =>
    refuse('serve-damaged', `${fileIn(stateFolder)} is damaged.`, 'Remove it: the next start prints another address.'),
  );

/** @throws WorkbenchError refused: `never-served`. */
const requireServed = async (stateFolder: string): Promise<z.infer<typeof servedBefore>> => {
  const before = await readServed(stateFolder);
  if (before !== null) return before;
  throw refuse('never-served', 'There is no token yet: "uncurl serve" was never started here.', 'Start it.');
};

const writeServed = (stateFolder: string, served: z.infer<typeof servedBefore>): Promise<void> =>
  writeFileAtomically(fileIn(stateFolder), `${JSON.stringify(served)}\n`, stateFolder);

const newNonce = (): string => randomBytes(16).toString('hex');

const tokenOf = async (stateFolder: string, nonce: string): Promise<string> =>
  Buffer.from((await requireUserKey(stateFolder)).sign(`uncurl serve token ${nonce}`), 'hex').toString('base64url');

/**
 * The session kept in the state folder beside the user's settings. `isNew` changes the token: pages opened before are
 * refused from then on.
 *
 * @throws WorkbenchError `serve-damaged`, and those of `requireUserKey`.
 */
export const openServeSession = async (stateFolder: string, isNew: boolean): Promise<ServeSession> => {
  const before = await readServed(stateFolder);
  const nonce = isNew || before === null ? newNonce() : before.nonce;
  let isKept = before?.nonce === nonce;
  await tokenOf(stateFolder, nonce);
  return {
    // Before it is kept, no other process can have replaced it.
    token: async () => tokenOf(stateFolder, isKept ? ((await readServed(stateFolder))?.nonce ?? nonce) : nonce),
    port: before?.port ?? null,
    keep: async (port) => {
      if (before?.nonce !== nonce || before.port !== port) await writeServed(stateFolder, { nonce, port });
      isKept = true;
    },
  };
};

/**
 * Replaces the token of all servers of this user, those that run and those to come. Returns it, with the port of the
 * last server.
 *
 * @throws WorkbenchError refused: `never-served`; and as `openServeSession`.
 */
export const rotateToken = async (stateFolder: string): Promise<{ readonly token: string; readonly port: number }> => {
  const { port } = await requireServed(stateFolder);
  const nonce = newNonce();
  await writeServed(stateFolder, { nonce, port });
  return { token: await tokenOf(stateFolder, nonce), port };
};

/** The token that servers of this user ask for now. @throws WorkbenchError refused: `never-served`. */
export const servedToken = async (stateFolder: string): Promise<string> =>
  tokenOf(stateFolder, (await requireServed(stateFolder)).nonce);
