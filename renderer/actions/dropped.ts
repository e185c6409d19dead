import { refuse } from '../../main/contract/errors.ts';
import type { PathHandle } from '../../main/contract/model.ts';
import { MAX_GIVEN_BYTES } from '../../main/contract/path-kind.ts';
import type { Engine } from '../engine/engine-context.tsx';
import { isUsable, readFacts, selectedModel } from '../engine/facts.ts';
import { layoutStore } from '../state/layout-store.ts';
import { noticesStore } from '../state/notices-store.ts';
import { runsStore } from '../state/runs-store.ts';
import { takeModel, takeTask, takeTaskEntry } from './open.ts';
import { openRun } from './open-run.ts';
import { importText } from './plan.ts';

/** File kind, known from the name alone. */
export type ContentKind = 'task' | 'plan' | 'figure' | 'other';

/** Kind by extension. JSON files are plans or rankings; images and tables open only if the workbench saved them. */
export const contentKind = (name: string): ContentKind => {
  const lower = name.toLowerCase();
  if (/\.(?:jsonl|parquet|txt|yaml|yml)$/.test(lower)) return 'task';
  if (lower.endsWith('.json') && !lower.endsWith('.task.json')) return 'plan';
  return /\.(?:svg|png|csv)$/.test(lower) ? 'figure' : 'other';
};

/** The members of File that are read; tests pass their own object. */
export interface GivenFile {
  readonly name: string;
  readonly size: number;
  arrayBuffer(): Promise<ArrayBuffer>;
}

const requireSmall = ({ name, size }: GivenFile): void => {
  if (size <= MAX_GIVEN_BYTES) return;
  throw refuse(
    'file-too-large',
    `${name} has ${size} bytes; at most ${MAX_GIVEN_BYTES} can be read from a dropped file.`,
    'Open it by its path with “Open task file…”.',
  );
};

const base64Of = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
};

/** Shows the run that a saved figure or table comes from. */
const openFigure = async (engine: Engine, { name }: GivenFile, bytes: Uint8Array): Promise<void> => {
  const { readFigureSource } = await import('../../main/figures/read-figure-manifest.ts');
  const source = readFigureSource(bytes);
  if (source === null)
    throw refuse(
      'no-manifest',
      `${name} does not say which run it comes from.`,
      'Only figures and tables saved by the workbench can be opened.',
    );
  const facts = readFacts(engine);
  if (source.kind === 'profile') {
    const what = `${name} shows the profile of ${source.model} on ${source.task}.`;
    noticesStore.getState().tell(what, 'Select this model and this task to see it.');
    return;
  }
  if (source.kind === 'runs') {
    const here = source.runs.filter((id) => facts.runs.some((known) => known.id === id));
    if (here.length === 0)
      throw refuse(
        'run-elsewhere',
        `${name} comes from the runs ${source.runs.join(', ')}, none of which is in this workspace.`,
        'Start the workbench on the workspace that contains them.',
      );
    runsStore.setState({ chosen: here });
    return layoutStore.getState().show('runs');
  }
  const run = facts.runs.find(({ id }) => id === source.run);
  if (run !== undefined) return openRun(facts, run);
  throw refuse(
    'run-elsewhere',
    `${name} comes from the run ${source.run}${source.title === null ? '' : ` (${source.title})`}, ` +
      'which is not in this workspace.',
    'Start the workbench on the workspace that contains it.',
  );
};

/** Opens a file by its content: used in browsers, which give no paths, and in the window for files that need none. */
export const openFile = async (engine: Engine, file: GivenFile): Promise<void> => {
  const kind = contentKind(file.name);
  if (kind === 'other')
    throw refuse(
      'unknown-file',
      `${file.name} is not a file that the workbench can open.`,
      'It opens models, tasks, runs, plans, expert rankings, and figures that it saved.',
    );
  requireSmall(file);
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (kind === 'figure') return openFigure(engine, file, bytes);
  if (kind === 'task')
    return takeTaskEntry(engine, await engine.bridge.call('tasks.take', { name: file.name, base64: base64Of(bytes) }));
  const facts = readFacts(engine);
  if (!isUsable(selectedModel(facts)))
    throw refuse('no-model', `${file.name} is a plan for a model, but none is selected.`, 'Select its model first.');
  return importText(engine, facts, { name: file.name, text: new TextDecoder().decode(bytes) });
};

/** Opens the file or folder at a path according to its kind. */
export const openPath = async (engine: Engine, handle: PathHandle): Promise<void> => {
  const found = await engine.bridge.call('paths.tell', { handle });
  switch (found.kind) {
    case 'model':
      return takeModel(engine.cache, await engine.bridge.call('models.open', { handle }));
    case 'task':
      return takeTask(engine, handle);
    case 'run': {
      const facts = readFacts(engine);
      const run = facts.runs.find(({ id }) => id === found.run);
      if (found.isHere && run !== undefined) return openRun(facts, run);
      throw refuse(
        'run-elsewhere',
        `The run ${found.run} is in another workspace: ${found.workspace}.`,
        `Start the workbench with --workspace "${found.workspace}".`,
      );
    }
    default:
      throw refuse(
        'unknown-path',
        `${found.path} is ${found.isFolder ? 'a folder' : 'a file'} that the workbench cannot open.`,
        'It opens folders of models, tasks and runs, task files, plans, expert rankings, and figures that it ' +
          'saved.',
      );
  }
};
