import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Checkpoint, lacksWeights, openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import { outlineCheckpoint } from '../../checkpoint/outline-checkpoint.ts';
import { LARGEST_MARGIN, SMALLEST_MARGIN } from '../../contract/bounds.ts';
import { refuse } from '../../contract/errors.ts';
import { type HubName, parseHubName } from '../../contract/hub.ts';
import type { ModelInfo } from '../../contract/model.ts';
import { AS_PUBLISHED, foundImports } from '../../harness/import-tasks.ts';
import { findInCache } from '../../hub/hub-cache.ts';
import { createHubClient } from '../../hub/hub-client.ts';
import { hubSettings } from '../../hub/hub-settings.ts';
import { sweepSettings } from '../../contract/sweep.ts';
import { itemsForVerdict, itemsForVerdictText } from '../../evaluation/verdicts.ts';
import { unreachableAnswers, unreachableText } from '../../tasks/generation/unreachable-answers.ts';
import { isGgufPath, kindOfFolder } from '../../files/list-folder.ts';
import { unusedTemplateNote } from '../../tasks/chat/chat-task.ts';
import { chanceAccuracy } from '../../tasks/task.ts';
import { bundledModels, bundledTasks } from '../../workspace/library.ts';
import { CALIBRATION_OPTIONS, loadNamedTasks } from '../task-options.ts';
import { type OptionReader, switchOption, valueOption, type Verb, type VerbHost, type VerbResult } from '../verb.ts';
import { MACHINE_OPTIONS, machineSettings } from '../machine-options.ts';
import { CHECKED_TOKENS, type TransformersCheck } from '../../contract/transformers-check.ts';
import { KeptChecks } from '../../torch/kept-checks.ts';
import { runsInTorch, runsWithin } from '../../words/memory.ts';
import { transformersWords } from '../../words/referee.ts';
import { stateFolder } from '../../workspace/user-key.ts';
import { findModel, WORKSPACE_OPTION, workspaceOf } from '../subjects.ts';
import { printedBytes, printedCount, terminalText, textList } from '../terminal-text.ts';

/** What is said about a model wherever it is. */
const factRows = (facts: ModelInfo, budgetBytes: number, isHere: boolean): readonly (readonly [string, string])[] => {
  const { parameters, memory, weightTypes = [] } = facts;
  return [
    ['family', facts.family],
    ['layers', `${facts.layers} (${facts.moeLayers} with experts)`],
    ['experts', `${facts.experts} per layer, top-${facts.topK} per token, ${facts.sharedExperts} shared`],
    ['widths', `hidden ${facts.hidden}, expert ${facts.expertWidth}`],
    [
      'parameters',
      `${printedCount(parameters.total)} (${printedCount(parameters.expert)} in experts, ` +
        `${printedCount(parameters.active)} used per token)`,
    ],
    ['on disk', `${printedBytes(facts.sizeBytes)}, ${facts.dtype}`],
    ...(weightTypes.length > 1
      ? [['weight types', weightTypes.map(({ type, bytes }) => `${type} ${printedBytes(bytes)}`).join(', ')] as const]
      : []),
    ['memory', `${printedBytes(memory.resident)} resident, ${printedBytes(memory.streaming)} streaming`],
    [
      'in float16',
      `${printedBytes(memory.float16.resident)} resident, ${printedBytes(memory.float16.streaming)} streaming ` +
        '(--device webgpu --precision float16)',
    ],
    [isHere ? 'runs here' : 'would run here', terminalText(runsWithin(facts, budgetBytes))],
  ];
};

/**
 * Whether a model computes as transformers does: as it is known, or with `--referee` as it is found now. Null: nobody
 * has asked.
 */
const refereed = async (
  reader: OptionReader,
  host: VerbHost,
  checkpoint: Checkpoint | null,
): Promise<TransformersCheck | null> => {
  const asks = reader.flag('referee');
  const named = reader.text('python');
  if (named !== undefined && !asks)
    throw refuse('bad-usage', '--python is for --referee alone.', 'Add --referee, or leave out --python.');
  if (checkpoint === null) {
    if (!asks) return null;
    throw refuse(
      'no-weights',
      'Without weights there are no logits to compare.',
      'Fetch them, or leave out --referee.',
    );
  }
  // Facts are read from headers: a large model is only hashed where it is compared.
  if (asks) {
    // Loaded on use: the runtime takes longer to load than facts to read.
    const { readTransformers } = await import('../transformers-option.ts');
    return (await readTransformers(reader, host))(checkpoint);
  }
  const { known } = checkpoint.content;
  return known === null ? null : new KeptChecks(stateFolder(host.settingsFile)).find(checkpoint.identity);
};

const modelFacts = async (reader: OptionReader, host: VerbHost, found: string): Promise<VerbResult> => {
  const isOutline = await lacksWeights(found);
  const checkpoint = isOutline ? null : await openCheckpoint(found);
  const { name, folder, published, info: facts } = checkpoint ?? (await outlineCheckpoint(found));
  const check = await refereed(reader, host, checkpoint);
  const known = checkpoint?.content.known ?? null;
  const { reasons, chatTemplate } = facts;
  const notes = chatTemplate === undefined ? reasons : [...reasons, unusedTemplateNote(chatTemplate)];
  const text = textList([
    ['model', name],
    ...(published === null ? [] : [['commit', published.commit] as const]),
    ['folder', folder],
    ...factRows(facts, machineSettings(reader).memoryBudgetBytes, !isOutline),
    ...(isOutline
      ? []
      : ([
          ['referee', terminalText(transformersWords(check))],
          ['SHA-256', known?.identity ?? 'not hashed yet: the first run that stores a number does it'],
        ] as const)),
    ...notes.map((note) => ['note', note] as const),
  ]);
  const hashes = {
    fingerprint: known?.fingerprint ?? null,
    sha256: known?.identity ?? null,
    files: known === null ? null : Object.fromEntries(known.files),
  };
  const document = { name, commit: published?.commit, folder, ...hashes, ...facts, transformers: check };
  return { document, text };
};

/** Facts about a model of which nothing is here: from its config and the headers of its weights on the Hub. */
const publishedFacts = async (
  reader: OptionReader,
  { environment, signal, progress }: VerbHost,
  name: HubName,
  missing: string,
): Promise<VerbResult> => {
  const client = createHubClient(hubSettings(environment), missing);
  progress(`Asking ${new URL(client.endpoint).host} about ${name.repository}`);
  const { lookAtModel } = await import('../../engine/calls/hub.ts');
  const { info: facts, ...model } = await lookAtModel(client, name, signal);
  const budgetBytes = machineSettings(reader).memoryBudgetBytes;
  const processor = { provider: 'cpu', precision: 'float32' };
  const text = textList([
    ['model', model.repository],
    ['commit', model.commit],
    ['on the Hub', `${client.endpoint}/${model.repository}${model.isGated ? ' (gated)' : ''}`],
    ...factRows(facts, budgetBytes, false),
    ['in PyTorch', terminalText(runsInTorch(facts, processor, budgetBytes))],
    ['in bfloat16', terminalText(runsInTorch(facts, { ...processor, precision: 'bfloat16' }, budgetBytes))],
    [
      'to download',
      `${printedBytes(model.totalBytes - model.presentBytes)} of ${printedBytes(model.totalBytes)} in ` +
        `${model.files.length} files`,
    ],
    ['time', 'unknown: how long a profile or a sweep takes here is measured only while one runs'],
    ...facts.reasons.map((note) => ['note', note] as const),
  ]);
  return { document: { ...model, ...facts }, text };
};

const taskFacts = async (reader: OptionReader, host: VerbHost, named: string): Promise<VerbResult> => {
  const delta = sweepSettings.shape.delta.parse(reader.real('delta', SMALLEST_MARGIN, LARGEST_MARGIN));
  const [task, ...others] = await loadNamedTasks(reader, host, [named]);
  if (others.length > 0)
    throw refuse(
      'several-tasks',
      `${named} stands for ${1 + others.length} tasks.`,
      `Name one of their folders: ${[task, ...others].map((entry) => entry?.path ?? '').join(', ')}`,
    );
  if (task === undefined) throw refuse('no-such-task', `${named} is not a task.`, 'Check the name.');
  const { name, title, description, metric, path, hash, calibration, test, judging } = task;
  const unreachable = unreachableAnswers(judging, test);
  const chance = chanceAccuracy(test);
  const verdict = metric === 'perplexity' ? null : { delta, ...itemsForVerdict(delta) };
  const text = textList([
    ['task', title],
    ['from', path],
    ...(description === '' ? [] : [['about', description] as const]),
    ['metric', chance === null ? metric : `${metric}, chance ${chance.toFixed(3)}`],
    ['test items', String(test.length)],
    [
      'calibration items',
      calibration.length > 0 ? String(calibration.length) : 'none: give --split or --calibrate-on to profile it',
    ],
    ['verdict', itemsForVerdictText(test.length, delta, metric)],
    ...(unreachable === null ? [] : [['answers', terminalText(unreachableText(unreachable))] as const]),
    ['hash', hash],
  ]);
  const items = { test: test.length, calibration: calibration.length };
  return {
    document: { task: name, title, description, metric, path, hash, items, chance, verdict, unreachable },
    text,
  };
};

/**
 * A file that is no model, a folder in one of the forms of a task, or the name of a bundled task or of one that the
 * workspace has imported: to look at a task downloads nothing.
 */
const isTask = async (reader: OptionReader, host: VerbHost, named: string): Promise<boolean> => {
  const path = resolve(named);
  if (!existsSync(path)) {
    if ((await bundledModels(host.resources)).has(named)) return false;
    if ((await bundledTasks(host.resources)).has(named)) return true;
    return (await foundImports(workspaceOf(reader, host), [named], AS_PUBLISHED)).has(named);
  }
  return (await stat(path)).isDirectory() ? (await kindOfFolder(path)) === 'task' : !isGgufPath(path);
};

export const info: Verb = {
  name: 'info',
  usage: 'MODEL | TASK',
  summary:
    'Facts about a checkpoint, read from its headers (or from config.json and an index alone), and how it runs here; ' +
    'or about a task, and the differences its items can detect.',
  positionals: [1, 1],
  options: {
    ...CALIBRATION_OPTIONS,
    memory: MACHINE_OPTIONS.memory,
    referee: switchOption(
      `For a model: compare ${CHECKED_TOKENS} tokens of its logits with those of transformers, unless that ` +
        'was done, and refuse it if they differ. Needs a Python with PyTorch.',
    ),
    python: valueOption(
      'PATH',
      'For --referee: a Python with PyTorch and transformers (default: the workspace has one).',
    ),
    ...WORKSPACE_OPTION,
    delta: valueOption('X', 'For a task: margin of the verdict (default 0.02).'),
  },
  run: async (reader, host) => {
    const { resources } = host;
    const [named = ''] = reader.positionals;
    if (await isTask(reader, host, named)) return taskFacts(reader, host, named);
    const [option] = Object.keys(reader.options).filter((name) => name === 'delta' || name in CALIBRATION_OPTIONS);
    if (option !== undefined)
      throw refuse('bad-usage', `--${option} is for tasks, and ${named} is not one.`, 'Leave it out, or name a task.');
    const name = existsSync(resolve(named)) || (await bundledModels(resources)).has(named) ? null : parseHubName(named);
    const cached = name === null ? null : await findInCache(hubSettings(host.environment).cache, name);
    if (name !== null && cached?.kind === 'missing')
      return publishedFacts(reader, host, name, `${named} is not on this machine: ${cached.what}`);
    return modelFacts(reader, host, cached?.kind === 'found' ? cached.path : await findModel(host, named));
  },
};
