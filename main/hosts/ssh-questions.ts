import { execFile } from 'node:child_process';
import { constants, open as openDescriptor } from 'node:fs';
import { open, readdir, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { refuse } from '../contract/errors.ts';
import type { SshQuestion } from '../contract/remote.ts';
import { fileErrorCode } from '../files/file-errors.ts';
import { readTextIfThere } from '../files/regular-file.ts';
import { makeTemporaryFolder } from '../files/temporary-folder.ts';

// What ssh asks, asked in the window: ssh starts resources/ssh/askpass.sh, which talks to this process over pipes of a
// private folder. On Windows, which has no such pipes, ssh finds no terminal and refuses instead of asking.

const MAX_QUESTION_BYTES = 64 * 2 ** 10;
const LOOK_EVERY_MS = 200;

export interface SshQuestions {
  /** For every ssh that may ask; null: nothing can be asked here. */
  readonly environment: NodeJS.ProcessEnv | null;
  /** Null: the user does not answer, and ssh goes on without. A question that is over is ignored. */
  readonly answer: (id: number, answer: string | null) => Promise<void>;
  /** Ends every question, and removes the folder. */
  readonly dispose: () => Promise<void>;
}

export interface Asking {
  /** `resources/ssh/askpass.sh`. */
  readonly program: string;
  readonly asked: (question: SshQuestion) => void;
  /** ssh waits for this answer no longer. */
  readonly over: (id: number) => void;
}

/** `confirm` and `none` are ssh's own names: a yes or no by a button, and a note that waits for nothing. */
const kindOf = (prompt: string, text: string): SshQuestion['kind'] => {
  if (prompt === 'none') return 'note';
  return prompt === 'confirm' || text.includes('(yes/no') ? 'yes-no' : 'secret';
};

/** Opens the place where ssh's questions arrive; `dispose` it. */
export const openSshQuestions = async ({ program, asked, over }: Asking): Promise<SshQuestions> => {
  if (process.platform === 'win32')
    return { environment: null, answer: () => Promise.resolve(), dispose: () => Promise.resolve() };
  const folder = await makeTemporaryFolder('ask');
  const pipe = join(folder, 'asked');
  await promisify(execFile)('mkfifo', ['-m', '600', pipe]);
  // Open in both directions, so that it stays open between questions, and opening it never waits.
  const descriptor = await promisify(openDescriptor)(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  const arriving = new Socket({ fd: descriptor, readable: true, writable: false });
  const pending = new Map<number, NodeJS.Timeout>();

  const finish = (id: number): void => {
    clearInterval(pending.get(id));
    if (pending.delete(id)) over(id);
  };
  const answer = async (id: number, given: string | null): Promise<void> => {
    if (!pending.has(id)) return;
    finish(id);
    if (given?.includes('\n') === true) throw refuse('bad-answer', 'An answer is one line.', 'Type it again.');
    try {
      const answering = await open(join(folder, `answer-${id}`), constants.O_WRONLY | constants.O_NONBLOCK);
      try {
        await answering.write(given === null ? 'refused\n' : `answered\n${given}\n`);
      } finally {
        await answering.close();
      }
    } catch (error) {
      // The program that asked has ended.
      if (!['ENOENT', 'ENXIO', 'EPIPE'].includes(fileErrorCode(error) ?? '')) throw error;
    }
  };
  const take = async (id: number): Promise<void> => {
    const file = join(folder, `question-${id}`);
    const [prompt = '', ...lines] = (await readTextIfThere(file, { mostBytes: MAX_QUESTION_BYTES }))?.split('\n') ?? [];
    if (lines.length === 0) return;
    const text = lines.join('\n').trim();
    // ssh ends the program that shows a note, or is itself ended, without a word.
    const look = setInterval(() => {
      readdir(folder).then(
        (names) => (names.includes(`question-${id}`) ? undefined : finish(id)),
        () => finish(id),
      );
    }, LOOK_EVERY_MS);
    look.unref();
    pending.set(id, look);
    asked({ id, kind: kindOf(prompt, text), text });
  };
  createInterface({ input: arriving }).on('line', (line) => {
    // A question that cannot be read is not asked: ssh refuses without an answer once the folder is gone.
    if (/^\d+$/.test(line)) take(Number(line)).catch(() => undefined);
  });

  return {
    environment: {
      SSH_ASKPASS: program,
      SSH_ASKPASS_REQUIRE: 'force',
      // Before OpenSSH 8.4, which has the line above, a display was what made ssh ask by a program.
      DISPLAY: process.env['DISPLAY'] ?? ':0',
      UNCURL_ASKING_FOLDER: folder,
      UNCURL_ASKING_PROCESS: String(process.pid),
    },
    answer,
    dispose: async () => {
      await Promise.all([...pending.keys()].map((id) => answer(id, null)));
      arriving.destroy();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
