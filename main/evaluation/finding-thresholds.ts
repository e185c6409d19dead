import type { FamilyThreshold, Finding } from '../contract/family.ts';
import { counted, listed, printedFactor } from './finding-text.ts';

const caseOf = ({ model, task }: FamilyThreshold): string => JSON.stringify([model, task]);

/** "36 cases (4 models x 9 tasks)": a case is a model and a task. */
const casesText = (thresholds: readonly FamilyThreshold[]): string => {
  const cases = new Set(thresholds.map(caseOf)).size;
  const models = new Set(thresholds.map(({ model }) => model)).size;
  const tasks = new Set(thresholds.map(({ task }) => task)).size;
  return models === 1 ? counted(tasks, 'task') : `${counted(cases, 'case')} (${counted(models, 'model')} \u00d7 ${counted(tasks, 'task')})`;
};

const largestText = (thresholds: readonly FamilyThreshold[]): string => {
  const above = thresholds.filter(({ lastSafe }) => lastSafe !== null && lastSafe > 1);
  const [first, ...others] = above;
  if (first === undefined) return '';
  const largest = others.reduce((best, one) => ((one.lastSafe ?? 1) > (best.lastSafe ?? 1) ? one : best), first);
  const open = largest.firstUnsafe === null ? ' or more' : '';
  return ` The largest threshold is ${printedFactor(largest.lastSafe ?? 1)}${open} (${largest.model} on ${largest.task}, by ${largest.method}).`;
};

/** Who has the highest threshold of a case, among the cases in which any factor above 1 is safe. */
const leadersText = (thresholds: readonly FamilyThreshold[], methods: readonly string[]): string => {
  if (methods.length < 2) return '';
  const cases = [...new Set(thresholds.map(caseOf))].flatMap((name) => {
    const own = thresholds.filter((one) => caseOf(one) === name);
    const best = Math.max(...own.map(({ lastSafe }) => lastSafe ?? 1));
    return best > 1 ? [own.filter(({ lastSafe }) => lastSafe === best).map(({ method }) => method)] : [];
  });
  if (cases.length === 0) return '';
  const wins = methods.map((method) => `${method} in ${cases.filter((leaders) => leaders.includes(method)).length}`);
  return ` Of the ${counted(cases.length, 'case')} with a safe factor, the highest threshold, alone or shared, is found by ${listed(wins)}.`;
};

/** How many thresholds lie above 1, per method: the matrix of thresholds in a sentence. */
export const thresholdFindings = (thresholds: readonly FamilyThreshold[], methods: readonly string[]): Finding[] => {
  if (thresholds.length === 0) return [];
  const told = thresholds.filter(({ verdict }) => verdict !== 'cannot-tell');
  const untold = thresholds.length - told.length;
  const untoldText = untold === 0 ? '' : ` ${untold} of ${counted(thresholds.length, 'threshold')} cannot be told: too few items.`;
  if (told.length === 0) {
    const sentence = `No threshold of ${casesText(thresholds)} can be told: too few items.`;
    return [{ chart: 'thresholds', method: null, verdict: 'cannot-tell', sentence, p: null }];
  }
  const counts = methods.map((method) => {
    const own = told.filter((one) => one.method === method);
    return `by ${method} in ${own.filter(({ lastSafe }) => lastSafe !== null && lastSafe > 1).length}`;
  });
  const sentence =
    `Of ${casesText(told)}, a factor above 1 is safe ${listed(counts)}.` +
    `${largestText(told)}${leadersText(told, methods)}${untoldText}`;
  return [{ chart: 'thresholds', method: null, verdict: 'counted', sentence, p: null }];
};
