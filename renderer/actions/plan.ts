import type { CallOutput } from '../../main/contract/calls.ts';
import { curveLabel } from '../../main/contract/method.ts';
import type { Engine } from '../engine/engine-context.tsx';
import { type Facts, isUsable, selectedModel } from '../engine/facts.ts';
import { candidateNameOfFolder, methodNameOfFile } from '../plan/method-files.ts';
import { keptAtFactor } from '../../main/contract/keep-from-factor.ts';
import { keptRange, nextFactors } from '../plan/kept-counts.ts';
import { pinOf } from '../plan/pins.tsx';
import { currentPlanCall } from '../plan/plan-input.ts';
import { chooseFile, chooseFolder, chooseTextFile } from '../state/file-choice.ts';
import { noticesStore } from '../state/notices-store.ts';
import { layoutStore } from '../state/layout-store.ts';
import { sweepStore } from '../state/sweep-store.ts';
import { selectionStore } from '../state/selection-store.ts';
import type { Action } from './action.ts';
import { saveText } from '../bridge/bridge.ts';

interface NamedText {
  readonly name: string;
  readonly text: string;
}

const hasModel = (facts: Facts): boolean => facts.connected && isUsable(selectedModel(facts));

/** Reads a plan or ranking, which then replaces the method. Rejects one that does not fit the selected model. */
export const importText = async ({ bridge }: Engine, facts: Facts, file: NamedText): Promise<void> => {
  const model = selectedModel(facts);
  if (model?.info === null || model === null) return;
  const keep = keptAtFactor(model.info, facts.selection.factor);
  const { kind, plan, cost } = await bridge.call('plan.import', { model: model.handle, ...file, keep });
  const kept = cost.keptPerLayer.reduce((sum, count) => sum + count, 0);
  const imported = {
    ...file,
    kind,
    model: model.handle,
    method:
      kind === 'ranking' || plan.method === undefined
        ? null
        : curveLabel(plan.method, plan.recovery === undefined ? null : (plan.recovery.refit ?? 'experts')),
    factor: kind === 'ranking' ? null : (model.info.experts * cost.keptPerLayer.length) / kept,
  };
  selectionStore.getState().choosePlan({ imported });
  layoutStore.getState().show('workbench');
  selectionStore.getState().explain('plan');
};

export const importPlan: Action = {
  id: 'import-plan',
  label: 'Import a plan or a ranking…',
  keywords: ['open', 'json', 'kept experts', 'order', 'file'],
  menu: 'file',
  enabled: hasModel,
  perform: async (engine, facts) => {
    const file = await chooseTextFile('.json,application/json');
    if (file !== null) await importText(engine, facts, file);
  },
};

/** Lets the user choose a file of counts (importance matrix, routed experts), and gives its ranking to `use`. */
const withCounts = async (
  engine: Engine,
  facts: Facts,
  use: (engine: Engine, file: NamedText) => Promise<void>,
): Promise<void> => {
  const model = selectedModel(facts);
  if (model === null) return;
  await chooseFile(engine.bridge, 'counts', async (file, bridge) => {
    const { name, text, notes } = await bridge.call('ranking.take', { model: model.handle, file });
    await use({ ...engine, bridge }, { name, text });
    for (const note of notes) noticesStore.getState().tell(`Experts are ranked by ${name}.`, note);
  });
};

const addToSweep = async ({ bridge }: Engine, facts: Facts, file: NamedText): Promise<void> => {
  const model = selectedModel(facts);
  if (model?.info === null || model === null) return;
  const keep = keptAtFactor(model.info, facts.selection.factor);
  await bridge.call('plan.import', { model: model.handle, ...file, keep });
  const { files, addFile } = sweepStore.getState();
  addFile(methodNameOfFile(file.name, [...facts.methods.map(({ name }) => name), ...Object.keys(files)]), file);
};

/** Adds a ranking or plans as a curve of the next sweep; rejects files that do not fit the selected model. */
export const addMethodFile: Action = {
  id: 'add-method-file',
  label: 'Add a ranking or plans to the methods of the sweep…',
  keywords: ['open', 'json', 'order', 'file', 'own method', 'curve'],
  menu: 'file',
  enabled: hasModel,
  perform: async (engine, facts) => {
    const file = await chooseTextFile('.json,application/json');
    if (file !== null) await addToSweep(engine, facts, file);
  },
};

const COUNTS_WORDS = ['imatrix', 'importance matrix', 'gguf', 'npy', 'routed experts', 'vllm', 'sglang', 'llama.cpp'];

export const importCounts: Action = {
  id: 'import-counts',
  label: 'Import an importance matrix or routed experts as a ranking…',
  keywords: COUNTS_WORDS,
  menu: 'file',
  enabled: hasModel,
  perform: (engine, facts) => withCounts(engine, facts, (asking, file) => importText(asking, facts, file)),
};

export const addCountsFile: Action = {
  id: 'add-counts-file',
  label: 'Add an importance matrix or routed experts to the methods of the sweep…',
  keywords: COUNTS_WORDS,
  menu: 'file',
  enabled: hasModel,
  perform: (engine, facts) => withCounts(engine, facts, (asking, file) => addToSweep(asking, facts, file)),
};

export const addCandidateFolder: Action = {
  id: 'add-candidate-folder',
  label: 'Add a checkpoint folder to the sweep…',
  keywords: ['candidate', 'tuned', 'pruned', 'merged', 'copy', 'beside', 'curve'],
  menu: 'file',
  enabled: hasModel,
  perform: async ({ bridge }, facts) => {
    const chosen = await chooseFolder(bridge, 'candidate');
    if (chosen === null) return;
    const { files, candidates, addCandidate } = sweepStore.getState();
    const taken = [...facts.methods, ...candidates].map(({ name }): string => name);
    const name = candidateNameOfFolder(chosen.path, [...taken, ...Object.keys(files)]);
    addCandidate({ name, folder: chosen.handle, path: chosen.path });
  },
};

/** The plan that a call returns, with its cost. */
export const planOf = (
  cache: Engine['cache'],
  source: NonNullable<ReturnType<typeof currentPlanCall>>,
): Promise<Pick<CallOutput<'plan.make'>, 'plan' | 'cost'>> =>
  source.call === 'plan.make' ? cache.fetch('plan.make', source.input) : cache.fetch('plan.import', source.input);

export const savePlan: Action = {
  id: 'save-plan',
  label: 'Save the current plan as JSON…',
  keywords: ['kept experts', 'download', 'file'],
  menu: 'file',
  shortcut: 'Mod+S',
  enabled: (facts) => facts.connected && currentPlanCall(facts) !== null,
  perform: async ({ bridge, cache }, facts) => {
    const call = currentPlanCall(facts);
    if (call === null) return;
    const { plan, cost } = await planOf(cache, call);
    const name = `plan-${plan.method ?? 'imported'}-keep${keptRange(cost.keptPerLayer).replace('–', '-')}.json`;
    await saveText(bridge, name, `${JSON.stringify(plan, null, 1)}\n`);
  },
};

/** Goes to the next standard factor, if there is one. */
const stepFactor = (direction: 'smaller' | 'larger', shortcut: string): Action => ({
  id: `${direction}-factor`,
  label: `Go to the next ${direction} factor`,
  keywords: ['pruning', 'power of two', 'kept'],
  menu: 'edit',
  shortcut,
  enabled: (facts) => (selectedModel(facts)?.info ?? null) !== null,
  perform: (_engine, facts) => {
    const info = selectedModel(facts)?.info ?? null;
    if (info === null) return;
    const factor = nextFactors(info, facts.selection.factor)[direction];
    if (factor !== undefined) selectionStore.getState().chooseFactor(factor);
  },
});

export const smallerFactor = stepFactor('smaller', 'Alt+[');
export const largerFactor = stepFactor('larger', 'Alt+]');

/** Pins the selected expert to stay or go; unpins it if it already has this pin. */
const pinExpert = (keep: boolean, shortcut: string, ...keywords: readonly string[]): Action => ({
  id: keep ? 'pin-stay' : 'pin-go',
  label: `Selected expert must ${keep ? 'stay' : 'go'} (again: unpin)`,
  keywords: ['pin', ...keywords, 'plan'],
  menu: 'run',
  shortcut,
  enabled: ({ selection: { model, layer, expert } }) => model !== null && layer !== null && expert !== null,
  perform: (_engine, { selection: { model, layer, expert } }) => {
    if (model === null || layer === null || expert === null) return;
    const { pins, pin } = selectionStore.getState();
    pin(model, { layer, expert }, pinOf(pins[model], layer, expert) === keep ? null : keep);
  },
});

export const pinStay = pinExpert(true, 'Mod+Shift+S', 'keep', 'protect');
export const pinGo = pinExpert(false, 'Mod+Shift+G', 'drop', 'remove');
