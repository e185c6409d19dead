import { runKinds } from '../../main/contract/run-kinds.ts';
import type { MenuAction } from '../../main/contract/shell.ts';
import type { RunManifest } from '../../main/contract/run.ts';
import { type Action, isEnabled } from '../actions/action.ts';
import { selectedModel, type Facts } from '../engine/facts.ts';
import { shownRunName } from '../format/run-names.ts';
import type { z } from 'zod';
import { mapScalings } from '../../main/figures/map-scaling.ts';
import { describedExperimentSettings } from '../../main/contract/experiment.ts';
import { describedPlanSettings } from '../../main/contract/plan.ts';
import { type Setting, settingsOf, valueText } from '../../main/contract/setting.ts';
import { describedSweepSettings } from '../../main/contract/sweep.ts';
import { experimentStore } from '../state/dialog-stores.ts';
import { selectionStore } from '../state/selection-store.ts';
import { sweepStore } from '../state/sweep-store.ts';
import { curvesModes, curvesStore } from '../state/view-stores.ts';

/** An action to run, or something to go to. */
export type PaletteTarget =
  | { readonly kind: 'action'; readonly action: Action }
  | { readonly kind: 'model'; readonly model: Facts['models'][number] }
  | { readonly kind: 'task'; readonly task: Facts['tasks'][number] }
  | { readonly kind: 'method'; readonly method: string; readonly title: string }
  | { readonly kind: 'run'; readonly run: RunManifest }
  | { readonly kind: 'setting'; readonly setting: PaletteSetting }
  | { readonly kind: 'expert'; readonly layer: number; readonly expert: number };

export interface PaletteItem {
  readonly id: string;
  readonly label: string;
  /** Heading of its group while nothing is typed; shown beside the label in search results. */
  readonly group: string;
  readonly keywords: readonly string[];
  readonly target: PaletteTarget;
  readonly enabled: boolean;
}

const menuTitles: Readonly<Record<MenuAction['menu'], string>> = {
  run: 'Run',
  view: 'View and settings',
  file: 'File',
  edit: 'Selection',
  help: 'Help',
};
const menus = ['run', 'view', 'file', 'edit', 'help'] as const;

const actionItems = (actions: readonly Action[], facts: Facts): readonly PaletteItem[] =>
  menus.flatMap((menu) =>
    actions
      .filter((action) => action.menu === menu && action.id !== 'show-palette')
      .map((action) => ({
        id: action.id,
        label: action.label,
        group: menuTitles[menu],
        keywords: action.keywords,
        target: { kind: 'action' as const, action },
        enabled: isEnabled(action, facts),
      })),
  );

/** Parses "3:17", "3.17" or "layer 3 expert 17" into an expert of the selected model. */
const expertItem = (typed: string, facts: Facts): readonly PaletteItem[] => {
  const found = /^\s*(?:layer\s*)?(\d{1,4})(?:\s*[:.,]\s*|\s+)(?:expert\s*)?(\d{1,5})\s*$/i.exec(typed);
  const info = selectedModel(facts)?.info ?? null;
  if (found === null || info === null) return [];
  const [layer, expert] = [Number(found[1]), Number(found[2])];
  if (layer >= info.moeLayers || expert >= info.experts) return [];
  return [
    {
      id: `expert ${layer} ${expert}`,
      label: `Layer ${layer}, expert ${expert}`,
      group: 'Expert',
      keywords: [typed],
      target: { kind: 'expert', layer, expert },
      enabled: true,
    },
  ];
};

/** All palette items, in their order while nothing is typed. */
export const paletteItems = (
  actions: readonly Action[],
  facts: Facts,
  methodTitle: (method: string) => string,
  typed: string,
): readonly PaletteItem[] => [
  ...expertItem(typed, facts),
  ...actionItems(actions, facts),
  ...paletteSettings.map((setting) => ({
    id: `setting ${setting.label}`,
    label: setting.label,
    group: 'Setting',
    keywords: ['setting', ...setting.keywords],
    target: { kind: 'setting' as const, setting },
    enabled: true,
  })),
  ...facts.models.map((model) => ({
    id: `model ${model.handle}`,
    label: model.name,
    group: 'Model',
    keywords: [model.info?.family ?? '', model.path],
    target: { kind: 'model' as const, model },
    enabled: true,
  })),
  ...facts.tasks.map((task) => ({
    id: `task ${task.handle}`,
    label: task.title,
    group: 'Task',
    keywords: [task.name, task.metric],
    target: { kind: 'task' as const, task },
    enabled: task.error === null,
  })),
  ...facts.methods.map(({ name }) => ({
    id: `method ${name}`,
    label: methodTitle(name),
    group: 'Method',
    keywords: [name],
    target: { kind: 'method' as const, method: name, title: methodTitle(name) },
    enabled: true,
  })),
  ...facts.runs.map((run) => ({
    id: `run ${run.id}`,
    label: shownRunName(run, facts.tasks),
    group: 'Run on disk',
    keywords: [run.id, run.title, ...(run.label?.tags ?? []), run.kind, runKinds[run.kind].measured ?? ''],
    target: { kind: 'run' as const, run },
    enabled: true,
  })),
];

/** How well a typed word matches an item; 0 for no match. */
const wordScore = (word: string, label: string, keywords: readonly string[]): number => {
  if (label.startsWith(word)) return 5;
  if (label.split(/[^\p{L}\p{N}]+/u).some((part) => part.startsWith(word))) return 4;
  if (label.includes(word)) return 3;
  if (keywords.some((keyword) => keyword.startsWith(word))) return 2;
  return keywords.some((keyword) => keyword.includes(word)) ? 1 : 0;
};

/**
 * Items that match every typed word, best first; ties keep their order. A match in the label counts more than one in
 * the keywords, and a match at the start of a word more than one inside it.
 */
export const rankedItems = (items: readonly PaletteItem[], typed: string): readonly PaletteItem[] => {
  const words = typed
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const scored = items.flatMap((item) => {
    const [label, keywords] = [item.label.toLowerCase(), item.keywords.map((keyword) => keyword.toLowerCase())];
    const scores = words.map((word) => wordScore(word, label, keywords));
    // An exact match of the whole label wins.
    const whole = label === typed.trim().toLowerCase() ? words.length : 0;
    const isFound = item.target.kind === 'expert' || scores.every((score) => score > 0);
    return isFound ? [{ item, score: whole + scores.reduce((sum, score) => sum + score, 0) }] : [];
  });
  return scored.sort((left, right) => right.score - left.score).map(({ item }) => item);
};

/** The groups, each once, in order. */
export const groupsOf = (items: readonly PaletteItem[]): readonly string[] => [
  ...new Set(items.map(({ group }) => group)),
];

/** Whether the item is something to go to, not an action; such items stay hidden until something is typed. */
export const isDestination = ({ target }: PaletteItem): boolean => target.kind !== 'action';

/** A setting with one of its values, as a palette item. */
interface PaletteSetting {
  readonly label: string;
  readonly keywords: readonly string[];
  readonly apply: () => void;
}

/** Values of a setting offered as items; any other is typed into its field. */
const valuesOf = ({ kind, choices, isOptional, default: usual, common = [] }: Setting): readonly unknown[] => {
  if (kind === 'switch') return [true, usual];
  if (kind === 'choice')
    return choices.length === 1 ? [...choices, usual] : isOptional ? [usual, ...choices.slice(1)] : choices;
  return common;
};

const lowered = (label: string): string => label.charAt(0).toLowerCase() + label.slice(1);

/** One item for each offered value of the described settings of a schema: "Next sweep, margin δ: 0.05". */
const linesOf = (
  subject: string,
  schema: z.ZodObject,
  choose: (setting: string, value: unknown) => void,
): readonly PaletteSetting[] =>
  settingsOf(schema).flatMap((setting) =>
    valuesOf(setting).map((value) => ({
      label: `${subject}, ${lowered(setting.label)}: ${valueText(setting, value)}`,
      keywords: [setting.name, setting.help.toLowerCase()],
      apply: () => choose(setting.name, value),
    })),
  );

/** Settings of the map, plot, plan and sweep, one item per value. Window settings (theme, panels) are actions. */
const paletteSettings: readonly PaletteSetting[] = [
  ...mapScalings.map((scaling) => ({
    label: `Colours of the map: ${scaling === 'layer' ? 'per layer' : scaling}`,
    keywords: ['heatmap', 'scale'],
    apply: () => selectionStore.getState().drawMap({ scaling }),
  })),
  ...curvesModes.map((mode) => ({
    label: `Chart below the map: ${mode === 'absolute' ? 'all tasks' : mode}`,
    keywords: ['plot', 'chart', 'curves'],
    apply: () => curvesStore.setState({ mode }),
  })),
  ...linesOf('Plan', describedPlanSettings, selectionStore.getState().choosePlanSetting),
  ...linesOf('Next sweep', describedSweepSettings, sweepStore.getState().choose),
  ...linesOf('Next experiment', describedExperimentSettings, experimentStore.getState().choose),
];
