import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { boundedText } from '../contract/bounds.ts';
import { CancelledError, fail, present, refuse, type WorkbenchError } from '../contract/errors.ts';
import { endingReason, saidAtEnd } from '../contract/process-end.ts';
import type { PythonJudging } from '../contract/task.ts';
import { contentHash } from '../files/checksums.ts';
import { createTurns } from '../files/write-atomically.ts';
import { fetchedScripts } from '../hub/hub-settings.ts';
import type { StepStore } from '../workspace/step-store.ts';

// Written answers that a task's own Python judges (resources/harness/judge_texts.py), each text once: what it said is
// kept among the workspace's steps, under a hash of the rule, the document, the text and the Python's packages.

/** A text to judge, and the document of its item as the import stored it. */
export interface TextToJudge {
  readonly item: string;
  readonly document: string;
  readonly text: string;
}

const judgedText = z.object({ correct: z.boolean(), filtered: boundedText });
export type JudgedText = z.output<typeof judgedText>;

/** Judges texts in the Python of a workspace, as long as a run works. */
export interface TextJudge {
  /** SHA-256 of the Python and all its packages: part of the identity of what it judges. */
  environment(): Promise<string>;
  /**
   * Verdicts in the order of the texts.
   *
   * @throws WorkbenchError refused: `no-python`, `python-lacks`, `not-judged`, `runs-generated-code`, `no-sandbox`;
   * failed: `judge-ended`.
   */
  judge(rule: PythonJudging, texts: readonly TextToJudge[], signal: AbortSignal): Promise<readonly JudgedText[]>;
  dispose(): Promise<void>;
}

/** Raise it when judge_texts.py judges otherwise. */
const VERSION = 1;
/** Texts that are sent at a time. */
const TEXTS_AT_ONCE = 64;
/** A text takes a moment; a program that a model wrote is ended by its own limits long before. */
const MOST_MS_PER_TEXT = 300_000;
const MAX_STDERR = 4_000;

/**
 * What the judging Python sees of this process's environment: where programs, packages and data lie, and nothing else
 * (no tokens, no PYTHON variables).
 */
const PASSED_ON = [
  ...['PATH', 'HOME', 'USERPROFILE', 'SYSTEMROOT', 'TEMP', 'TMP', 'TMPDIR', 'LD_LIBRARY_PATH', 'VIRTUAL_ENV'],
  'NLTK_DATA',
];
const OFFLINE = {
  HF_HUB_OFFLINE: '1',
  HF_DATASETS_OFFLINE: '1',
  HF_EVALUATE_OFFLINE: '1',
  HF_HUB_DISABLE_TELEMETRY: '1',
  PYTHONHASHSEED: '0',
  PYTHONDONTWRITEBYTECODE: '1',
  PYTHONUTF8: '1',
};

/**
 * Caches lie in the judge's own folder: nothing is written beside the user's, and nothing there decides a verdict but
 * scripts of metrics that the import fetched, which judge_texts.py copies.
 */
const closedEnvironment = (folder: string): NodeJS.ProcessEnv => {
  const passed: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = process.env[name];
    if (value !== undefined && value !== '') passed[name] = value;
  }
  const caches = join(folder, 'cache');
  const set = { XDG_CACHE_HOME: caches, HF_HOME: join(caches, 'huggingface'), UNCURL_METRIC_SCRIPTS: fetchedScripts() };
  return { ...passed, ...set, ...OFFLINE };
};

const REMEDY =
  'Import the task again (uncurl import NAME --python FILE), or let "uncurl doctor --python" complete the environment.';

const answerLine = z.union([
  z.object({ environment: z.string().regex(/^[0-9a-f]{64}$/) }),
  judgedText,
  z.object({ error: boundedText }),
]);
type AnswerLine = z.output<typeof answerLine>;

/** The judging process; its lines are taken in order. */
class JudgeProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AnswerLine[] = [];
  readonly #closed: Promise<void>;
  readonly #python: string;
  #wake: () => void = () => undefined;
  #end: WorkbenchError | null = null;
  #stderr = '';

  constructor(python: string, command: readonly string[], folder: string) {
    const [program = python, ...parameters] = command;
    this.#python = python;
    this.#child = spawn(program, parameters, {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: folder,
      env: closedEnvironment(folder),
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      try {
        this.#lines.push(answerLine.parse(JSON.parse(line)));
        this.#wake();
      } catch (error) {
        this.#fail(fail('judge-ended', `${python} does not judge: ${line.slice(0, 200)}`, REMEDY, error));
        this.#child.kill('SIGKILL');
      }
    });
    this.#child.stderr.on(
      'data',
      (data: Buffer) => (this.#stderr = (this.#stderr + data.toString()).slice(-MAX_STDERR)),
    );
    // A process that died is reported by its end.
    this.#child.stdin.on('error', () => undefined);
    this.#closed = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#fail(refuse('no-python', `${program} does not start.`, REMEDY, error));
        resolve();
      });
      this.#child.once('close', (code, signal) => {
        this.#fail(this.#ended(signal ?? code ?? 0));
        resolve();
      });
    });
  }

  #ended(end: NodeJS.Signals | number): WorkbenchError {
    const said = saidAtEnd(this.#stderr);
    const message =
      `The Python that judges (${this.#python}) ended: ${endingReason(end)}` +
      (said === '' ? '.' : `. It said: ${said}`);
    return fail('judge-ended', message, REMEDY);
  }

  send(order: unknown): void {
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
  }

  /** The next line. @throws WorkbenchError, or CancelledError. */
  async next(signal: AbortSignal): Promise<AnswerLine> {
    const startedAt = performance.now();
    for (;;) {
      if (signal.aborted) throw new CancelledError('Judging');
      const line = this.#lines.shift();
      if (line !== undefined) return line;
      if (this.#end !== null) throw this.#end;
      if (performance.now() - startedAt > MOST_MS_PER_TEXT)
        throw fail(
          'judge-ended',
          `The Python that judges (${this.#python}) took more than ${MOST_MS_PER_TEXT / 1000} s for one text.`,
          'Resume the run, or leave the task out.',
        );
      await new Promise<void>((resolve) => {
        const awake = (): void => {
          clearTimeout(timer);
          // A run has thousands of texts, and one signal.
          signal.removeEventListener('abort', awake);
          resolve();
        };
        const timer = setTimeout(awake, 1_000);
        signal.addEventListener('abort', awake, { once: true });
        this.#wake = awake;
      });
    }
  }

  async dispose(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  #fail(error: WorkbenchError): void {
    this.#end ??= error;
    this.#wake();
  }
}

export interface JudgeOrder {
  /** The Python of the workspace. @throws WorkbenchError `no-python`. */
  readonly python: () => Promise<string>;
  /** Folder of resources/. */
  readonly resources: string;
  readonly temporaryFolder: string;
  readonly steps: Pick<StepStore, 'readJson' | 'writeJson'>;
  /** How generated programs are shut in; null: they are not run. */
  readonly sandbox: ((command: readonly string[], folder: string) => Promise<readonly string[]>) | null;
}

interface Started {
  readonly process: JudgeProcess;
  readonly environment: string;
  readonly folder: string;
}

/** Makes the judge of a run; its process starts with the first text that was not judged before. */
export const createTextJudge = ({ python, resources, temporaryFolder, steps, sandbox }: JudgeOrder): TextJudge => {
  let starting: Promise<Started> | null = null;
  const never = new AbortController().signal;

  const begin = async (): Promise<Started> => {
    const path = await python();
    const folder = await mkdtemp(join(temporaryFolder, 'judge-'));
    const command = [path, '-u', '-B', join(resources, 'harness', 'judge_texts.py')];
    try {
      const process = new JudgeProcess(path, sandbox === null ? command : await sandbox(command, folder), folder);
      const first = await process.next(never);
      if ('environment' in first) return { process, environment: first.environment, folder };
      await process.dispose();
      throw new Error('the judging Python did not begin with its environment');
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  };
  const open = (): Promise<Started> => (starting ??= begin());
  const end = async (): Promise<void> => {
    // Whoever asked for a judge that did not start has the error.
    const started = await starting?.catch(() => null);
    starting = null;
    if (started === null || started === undefined) return;
    await started.process.dispose();
    await rm(started.folder, { recursive: true, force: true });
  };

  /** Asks the process about texts, none of them twice. */
  const ask = async (
    rule: PythonJudging,
    texts: readonly TextToJudge[],
    signal: AbortSignal,
  ): Promise<JudgedText[]> => {
    const { process } = await open();
    const judged: JudgedText[] = [];
    try {
      for (let from = 0; from < texts.length; from += TEXTS_AT_ONCE) {
        const some = texts.slice(from, from + TEXTS_AT_ONCE);
        const asked = some.map(({ document, text }) => ({ document, text }));
        process.send({ judge: rule, generatedCode: rule.generatedCode, texts: asked });
        for (const { item } of some) {
          const answer = await process.next(signal);
          if ('error' in answer)
            throw refuse('not-judged', `item "${item}": the task's Python says ${answer.error}`, REMEDY);
          if ('environment' in answer) throw new Error('the judging Python told its environment twice');
          judged.push(answer);
        }
      }
      return judged;
    } catch (error) {
      // What it still prints would be taken for the answers to the next texts.
      await end();
      throw error;
    }
  };

  const inTurn = createTurns();
  return {
    environment: async () => (await open()).environment,
    judge: (rule, texts, signal) =>
      inTurn(async () => {
        if (rule.generatedCode && sandbox === null) throw runsGeneratedCode('This task');
        const { environment } = await open();
        const keyed = texts.map((text) => ({ one: text, key: judgementKey(rule, text, environment) }));
        const found = new Map<string, JudgedText>();
        const missing = new Map<string, TextToJudge>();
        for (const { one, key } of keyed) {
          if (found.has(key) || missing.has(key)) continue;
          const stored = await steps.readJson(key, judgedText);
          if (stored === null) missing.set(key, one);
          else found.set(key, stored);
        }
        const judged = await ask(rule, [...missing.values()], signal);
        for (const [index, key] of [...missing.keys()].entries()) {
          const verdict = present(judged[index], 'a text without a verdict');
          await steps.writeJson(key, verdict);
          found.set(key, verdict);
        }
        return keyed.map(({ key }) => present(found.get(key), 'a text without a verdict'));
      }),
    dispose: end,
  };
};

/** Refusal of a task whose judging runs generated programs, where that was not allowed. */
export const runsGeneratedCode = (task: string): Error =>
  refuse(
    'runs-generated-code',
    `${task} is judged by running the programs that a model writes.`,
    'If you accept that risk, add --run-generated-code: they run without a network, with limits of time and memory, ' +
      'and see your files without changing them.',
  );

const judgementKey = (rule: PythonJudging, { document, text }: TextToJudge, environment: string): string =>
  contentHash({ kind: 'judgement', version: VERSION, rule, document, text, environment });
