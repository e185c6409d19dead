import { type ArmName, type ArmTreatment, treatmentTitles } from '../contract/experiment.ts';
import { methodOfLabel, weightsOfLabel } from '../contract/method.ts';
import type { RefitName } from '../contract/plan.ts';
import { counted } from './numbers.ts';

/**
 * Titles of published methods as their authors spell them, short enough for legends and table headings, in the order of
 * curves. Other methods need no entry: their title is their name with a capital. The rest is on their pages
 * (`methods.list`).
 */
const spellings: ReadonlyMap<string, string> = new Map([
  ['random', 'Random'],
  ['frequency', 'Frequency'],
  ['gate-mass', 'Gate mass'],
  ['ean', 'EAN'],
  ['reap', 'REAP'],
  ['man', 'MAN'],
  ['msan', 'MSAN'],
  ['unified', 'Unified'],
  ['easy-ep', 'EASY-EP'],
  ['mone', 'MoNE'],
  ['naee', 'NAEE'],
  ['tsep', 'TSEP'],
  ['uncurl', 'UNCURL'],
  ['frequency-merging', 'Frequency merging'],
  ['m-smoe', 'M-SMoE'],
  ['hc-smoe', 'HC-SMoE'],
  ['sub-moe', 'Sub-MoE'],
  ['grape', 'GRAPE'],
  ['merge-moe', 'MergeMoE'],
  ['ream', 'REAM'],
  ['eep', 'EEP'],
  ['evo-esap', 'EvoESAP'],
]);

const recovered: Readonly<Record<RefitName, string>> = {
  experts: 'recovered',
  router: 'router recovered',
  'router+experts': 'router and experts recovered',
};

/** `least-index` becomes "Least index". */
const spelledOut = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1).replaceAll('-', ' ');

/** A name with the type of its rounded weights. */
const atWeights = (label: string, nameOf: (bare: string) => string): string => {
  const { bare, weights } = weightsOfLabel(label);
  if (weights === null) return nameOf(label);
  return `${nameOf(bare)} at ${weights}`;
};

/** Title of a method's curve in charts and tables; an invalid method name (a plan's file) is used unchanged. */
export const methodTitle = (label: string): string =>
  atWeights(label, (bare) => {
    const { method, refit } = methodOfLabel(bare);
    if (method === null) return bare;
    const title = spellings.get(method) ?? spelledOut(method);
    return refit === null ? title : `${title}, ${recovered[refit]}`;
  });

/** Titles that are ordinary words: lower case within a sentence. */
const ordinary: ReadonlySet<string> = new Set(['random', 'frequency', 'gate-mass', 'unified', 'frequency-merging']);

/** The same within a sentence: "by random, REAP and frequency (recovered)". */
export const methodInProse = (label: string): string =>
  atWeights(label, (bare) => {
    const { method, refit } = methodOfLabel(bare);
    if (method === null) return bare;
    const title = spellings.get(method) ?? spelledOut(method);
    const isOrdinary = ordinary.has(method) || !spellings.has(method);
    const name = isOrdinary ? title.charAt(0).toLowerCase() + title.slice(1) : title;
    return refit === null ? name : `${name} (${recovered[refit]})`;
  });

const order: ReadonlyMap<string, number> = new Map([...spellings.keys()].map((name, index) => [name, index]));

/** A stable order of curves: published methods first, each before its recovered variants, then the others by name. */
export const compareMethodLabels = (left: string, right: string): number => {
  const [a, b] = [orderOf(left), orderOf(right)];
  return a === b ? left.localeCompare(right) : a - b;
};

const orderOf = (label: string): number => {
  const { method, isRecovered } = methodOfLabel(label);
  const index = method === null ? undefined : order.get(method);
  return index === undefined ? Infinity : 2 * index + Number(isRecovered);
};

/** A treatment in words, to follow the name of a method. */
export const treatmentWords = (treatment: ArmTreatment): string => treatmentTitles[treatment];

/** What was done to an arm, in words that follow the name of its method. */
export const armWords = ({ treatment, gates }: Pick<ArmName, 'treatment' | 'gates'>): string =>
  treatmentWords(treatment) + (gates === null ? '' : `, gates ${gates}`);

/** "4 methods", or "4 methods at 3 types of weights" where curves (by their labels) differ in the type of weights. */
export const countedMethods = (labels: Iterable<string>): string => {
  const curves = [...labels].map(weightsOfLabel);
  const types = new Set(curves.map(({ weights }) => weights)).size;
  const methods = counted(new Set(curves.map(({ bare }) => bare)).size, 'method');
  return types > 1 ? `${methods} at ${counted(types, 'type')} of weights` : methods;
};
