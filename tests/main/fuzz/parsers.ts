import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { z } from 'zod';
import { loadTokenizer } from '../../../main/checkpoint/load-tokenizer.ts';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { readSafetensorsHeader } from '../../../main/checkpoint/safetensors-header.ts';
import { checksumProblems } from '../../../main/export/export-folder.ts';
import { readChecksums } from '../../../main/files/checksums.ts';
import { readEndTokens } from '../../../main/generation/end-tokens.ts';
import { readRequests } from '../../../main/generation/read-requests.ts';
import { evaluationRecord } from '../../../main/runs/evaluation-record.ts';
import { readPlan } from '../../../main/pruning/read-plan.ts';
import { readExpertFile } from '../../../main/pruning/expert-files/read-expert-file.ts';
import { writeOutcomes } from '../../../main/runs/outcomes-parquet.ts';
import { readPointIndex, readRunPlans, readSweepDocument } from '../../../main/runs/sweep-record.ts';
import { readChatTemplate } from '../../../main/tasks/chat/chat-template.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { recordedResults, recordedJson, recordedBytes } from '../sample/recorded.ts';
import { exportParsers } from './export-parsers.ts';
import { type FuzzedParser, MUTATIONS, ofText as text } from './fuzzed-parser.ts';
import { pageMessages } from './page-messages.ts';
import { runParsers } from './run-parsers.ts';
import { taskParsers } from './task-parsers.ts';
import { openWorkspace } from '../../../main/workspace/open-workspace.ts';
import { readProfileFile } from '../../../main/workspace/profile-file.ts';
import { readLockHolder } from '../../../main/workspace/run-lock.ts';
import { countOutcomes } from '../runs/source-of.ts';

const root = path.join(import.meta.dirname, '../../..');
const fixture = (...parts: readonly string[]): string => path.join(root, 'tests', 'fixtures', ...parts);
const sampleRun = (name: string): string => path.join(root, 'resources', 'sample', 'run', name);
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

const KEY = '0'.repeat(64);
const RUN = 'sweep-20260101-120000-ab12';

const parquet = (): Buffer =>
  Buffer.from(
    parquetWriteBuffer({
      columnData: [
        { name: 'id', data: ['a', 'b', 'c'], type: 'STRING' },
        { name: 'text', data: ['hello there', 'good day', 'good night'], type: 'STRING' },
        { name: 'weight', data: [1.5, 2.5, 3.5], type: 'DOUBLE' },
      ],
    }),
  );

const items = [
  { id: 'a', context: 'The capital of France is', choices: [' Paris', ' Rome'], answer: 0 },
  { id: 'b', context: 'Two and two are', choices: [' four', ' five'], answer: 0 },
];
const lines = Buffer.from(items.map((item) => JSON.stringify(item)).join('\n'));

const turns = '{"id":"a","system":"s","examples":[["q","r"]],"question":"b","replies":["c","d"]}';
const template = `{%- for message in messages -%}{%- if message['role'] == 'user' -%}
[INST] {{ message['content'] | trim }} [/INST]{%- else -%}{{ message.content }}{%- endif -%}{%- endfor -%}`;

/** Refusing a row and reading a profile are slow. */
const mutationsOf = (file: string): number =>
  file.endsWith('.parquet') ? 20 : file === 'p.safetensors' ? 100 : MUTATIONS;

/** All readers, working in `folder`, which belongs to them. */
export const fuzzedParsers = async (folder: string): Promise<readonly FuzzedParser[]> => {
  const folderOf = async (name: string): Promise<string> => {
    const own = path.join(folder, name);
    await mkdir(own, { recursive: true });
    return own;
  };
  /** Reads bytes from a file of this name in its own folder, which may be a copy of `from`. */
  const inFile = async (
    name: string,
    file: string,
    sound: Buffer,
    read: (folder: string, file: string) => Promise<unknown>,
    from: string | null = null,
  ): Promise<FuzzedParser> => {
    const own = await folderOf(name.replaceAll(/\W+/g, '-'));
    if (from !== null) await cp(from, own, { recursive: true });
    const target = path.join(own, file);
    await mkdir(path.dirname(target), { recursive: true });
    return {
      name,
      sound,
      mutations: mutationsOf(file),
      read: async (bytes) => {
        await writeFile(target, bytes);
        return read(own, target);
      },
    };
  };
  const ofModel = async (name: string, file: string, from: string): Promise<FuzzedParser> =>
    inFile(name, file, await readFile(path.join(from, file)), (own) => openCheckpoint(own), from);
  const ofTokenizer = async (name: string, file: string): Promise<FuzzedParser> => {
    const from = fixture('reference', 'scoring', 'mixtral-byte-fallback');
    const read = async (own: string): Promise<unknown> => {
      const tokenizer = await loadTokenizer(own, 1000);
      return tokenizer?.decode(tokenizer.encode('Hello there, what is 2 + 2? été', true));
    };
    return inFile(name, file, await readFile(path.join(from, file)), read, from);
  };
  const mixtral = fixture('reference', 'checkpoints', 'mixtral');
  const workspace = await openWorkspace(await folderOf('workspace'));
  await mkdir(path.join(workspace.path, 'runs', RUN), { recursive: true });
  const inRun = (name: string, file: string, sound: Buffer, read: () => Promise<unknown>): FuzzedParser => ({
    name,
    sound,
    mutations: MUTATIONS,
    read: async (bytes) => {
      await writeFile(path.join(workspace.path, file), bytes);
      return read();
    },
  });
  const { steps } = workspace;
  /** A step with that value, as the store writes it. */
  const sealed = (value: Buffer): Buffer => {
    const sha256 = createHash('sha256').update(value).digest('hex');
    return Buffer.concat([Buffer.from(`{"key":"${KEY}","sha256":"${sha256}","value":`), value, Buffer.from('}')]);
  };
  const record = z.encode(evaluationRecord, {
    kind: 'evaluation',
    model: { name: 'm', fingerprint: 'f' },
    task: 't',
    items: 'i',
    plan: null,
    outcomes: [{ kind: 'text', id: 'a', logprob: -1.5, tokens: 2 }],
  });
  await steps.writeJson(KEY, {});
  const points = z.array(z.unknown()).parse(await recordedJson('sample', 'points.json'));
  const text1 = { kind: 'text', id: 'a', logprob: -1.5, tokens: 2 } as const;
  const manifest = JSON.parse(await readFile(sampleRun('manifest.json'), 'utf8')) as object;
  const listed = async (): Promise<unknown> => {
    const [first, second] = await workspace.runs.list();
    if (first === undefined || second !== undefined) throw new Error('one run was hidden, or there are two');
    return first;
  };

  const results = await recordedResults('sample');
  const written = path.join(await folderOf('written'), 'outcomes.parquet');
  const block = { run: RUN, model: 'm', task: 't', method: 'reap', seed: null, factor: 2, kept: 4, outcomes: [text1] };
  await writeOutcomes(
    written,
    (async function* () {
      yield await Promise.resolve(block);
    })(),
  );

  return [
    await ofModel('config.json', 'config.json', mixtral),
    await ofModel(
      'safetensors index',
      'model.safetensors.index.json',
      fixture('reference', 'checkpoints', 'mixtral-bf16-sharded'),
    ),
    await inFile(
      'safetensors header',
      'a.safetensors',
      (await readFile(path.join(mixtral, 'routing.safetensors'))).subarray(0, 1416),
      (_, file) => readSafetensorsHeader(file),
    ),
    await ofTokenizer('tokenizer.json', 'tokenizer.json'),
    await ofTokenizer('tokenizer_config.json', 'tokenizer_config.json'),
    await inFile(
      'generation_config.json',
      'generation_config.json',
      json({ eos_token_id: [1, 2], a: 1.5 }),
      readEndTokens,
    ),
    await inFile('chat template', 'chat_template.jinja', Buffer.from(template), (own) => readChatTemplate(own)),
    await inFile('items as JSONL', 'a.jsonl', lines, (_, file) => loadTask(file)),
    await inFile('items as Parquet', 'a.parquet', parquet(), (_, file) => loadTask(file)),
    await inFile('text', 'a.txt', Buffer.from('One.\n\nTwo, three.\r\nFour.\n'), (_, file) => loadTask(file)),
    await inFile('turns of prompts', 'test.turns.jsonl', Buffer.from(turns), async (own) => {
      await writeFile(path.join(own, 'task.json'), '{"name":"asked"}');
      await writeFile(path.join(own, 'test.jsonl'), '{"id":"a","context":"b","choices":["c","d"],"answer":0}');
      return loadTask(own);
    }),
    await inFile(
      'task document',
      'a.task.json',
      json({
        format: 'uncurl-task',
        version: 1,
        items: 'a.jsonl',
        calibration: { from: 'split', share: 0.5, seed: 0 },
      }),
      async (own, file) => {
        await writeFile(path.join(own, 'a.jsonl'), lines);
        return loadTask(file);
      },
    ),
    await inFile('task.json', 'task.json', json({ name: 'q', metric: 'acc', description: 'd' }), async (own) => {
      await writeFile(path.join(own, 'calibration.jsonl'), JSON.stringify({ ...items[0], id: 'c', context: 'Other' }));
      await writeFile(path.join(own, 'test.jsonl'), lines);
      return loadTask(own);
    }),
    text(
      'plan',
      json({
        method: 'reap',
        seed: 1,
        kept: [
          [0, 1],
          [2, 3],
        ],
        factor: 4,
      }),
      (content) => readPlan(content, 'plan'),
    ),
    text(
      'ranking',
      json([
        [3, 1, 0, 2],
        [0, 1, 2, 3],
      ]),
      (content) => readExpertFile(content, 'ranking', { moeLayers: 2, experts: 4, topK: 2 }),
    ),
    text(
      'routed experts',
      json({
        routed_experts: [
          [
            [0, 3],
            [1, 2],
          ],
        ],
      }),
      (content) => readExpertFile(content, 'routed', { moeLayers: 2, experts: 4, topK: 2 }),
    ),
    text(
      'requests',
      Buffer.from('{"id":"a","context":"b","until":["c"],"maxNewTokens":3}\n{"id":"d","context":"e"}'),
      (content) => readRequests(content, 'requests', { maxNewTokens: 8, maxPositions: 64 }),
    ),
    await inFile('profile', 'p.safetensors', await recordedBytes('sample', 'profile-uncurl-8.safetensors'), (_, file) =>
      readProfileFile(file),
    ),
    await inFile('outcomes', 'outcomes.parquet', await readFile(written), (_, file) => countOutcomes(file)),
    await inFile(
      'results of a sweep',
      'results.json',
      json({ ...results, results: results.results.slice(0, 3) }),
      readSweepDocument,
    ),
    await inFile('points of a sweep', 'points.json', json(points.slice(0, 2)), readPointIndex),
    await inFile('plans of a sweep', 'plans.json', json({ [KEY]: { kept: [[0, 1]] } }), readRunPlans),
    await inFile('checksums of a run', 'checksums.sha256', Buffer.from(`${KEY}  a\n${KEY} *b\n`), readChecksums),
    await inFile('checksums', 'checksums.sha256', Buffer.from(`${KEY}  a\n${KEY} *b\n`), (own) =>
      checksumProblems(own, new AbortController().signal),
    ),
    inRun('manifest', `runs/${RUN}/manifest.json`, json({ ...manifest, id: RUN }), listed),
    await inFile(
      'lock',
      'lock-1.json',
      json({ token: 'a', host: 'h', machine: 'm', pid: 1, startedAt: '12', heartbeatAt: 1.5e12, released: false }),
      (own) => readLockHolder(own),
    ),
    inRun('library', 'library.json', json({ models: ['/a'], tasks: ['/b'], hashes: { '/a': 'x' } }), () =>
      workspace.library.list('models'),
    ),
    inRun('workspace mark', 'workspace.json', json({ format: 'uncurl-workspace', version: 1 }), () =>
      openWorkspace(workspace.path),
    ),
    inRun('step', `steps/00/${KEY}.json`, sealed(json(record)), () => steps.readJson(KEY, evaluationRecord)),
    {
      name: 'value of a step',
      sound: json(record),
      mutations: MUTATIONS,
      read: async (bytes) => {
        await writeFile(steps.path(KEY, 'json'), sealed(bytes));
        return steps.readJson(KEY, evaluationRecord);
      },
    },
    ...(await taskParsers(folderOf)),
    ...(await exportParsers(folderOf)),
    ...(await runParsers(folderOf)),
    await pageMessages(await folderOf('workspace-of-pages')),
  ];
};
