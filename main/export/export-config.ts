import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { canonicalJson } from '../files/canonical-json.ts';

/** Strings, punctuation and other scalars of JSON, each one token. */
const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/**
 * Sets numbers of a JSON object's own (not nested) members in its text and leaves every other character as it stands:
 * `1e-05`, `10000.0` and the order of keys survive, which a parse and a print would change. A key that is not there is
 * added at the end. `text` must be a JSON object; a member that is set must be a scalar.
 */
export const editJsonNumbers = (text: string, numbers: Readonly<Record<string, number>>): string => {
  const values = memberScalars(text);
  const absent = Object.keys(numbers).filter((key) => !values.has(key));
  let edited = insertMembers(
    text,
    absent.map((key) => `${JSON.stringify(key)}: ${String(numbers[key])}`),
  );
  const present = Object.keys(numbers).flatMap((key) => {
    const span = values.get(key);
    return span === undefined ? [] : [{ key, ...span }];
  });
  // From the end, so that earlier positions stay right.
  for (const { key, start, end } of present.sort((a, b) => b.start - a.start)) {
    edited = edited.slice(0, start) + String(numbers[key]) + edited.slice(end);
  }
  return edited;
};

/** Where the scalar values of the object's own members stand; of a key that is there twice the last one counts. */
const memberScalars = (text: string): ReadonlyMap<string, { readonly start: number; readonly end: number }> => {
  const spans = new Map<string, { start: number; end: number }>();
  let depth = 0;
  let key: string | null = null;
  let afterColon = false;
  for (const match of text.matchAll(token)) {
    const [sign] = match;
    if (sign === '{' || sign === '[') depth += 1;
    else if (sign === '}' || sign === ']') depth -= 1;
    else if (depth === 1 && sign === ':') afterColon = true;
    else if (depth === 1 && afterColon && key !== null)
      spans.set(key, { start: match.index, end: match.index + sign.length });
    else if (depth === 1 && sign.startsWith('"')) key = String(JSON.parse(sign));
    if (sign !== ':') {
      if (afterColon || sign === ',') key = null;
      afterColon = false;
    }
  }
  return spans;
};

const insertMembers = (text: string, members: readonly string[]): string => {
  if (members.length === 0) return text;
  const close = text.lastIndexOf('}');
  const body = text.slice(0, close).trimEnd();
  const indent = /\n([ \t]+)"/.exec(text)?.[1] ?? '  ';
  const lines = members.map((member) => `\n${indent}${member}`).join(',');
  return `${body}${body.endsWith('{') ? '' : ','}${lines}\n${text.slice(close)}`;
};

/** E' of a plan with the same number of experts in every layer. */
export const keptExperts = (plan: Plan): number => (isMergePlan(plan) ? plan.groups[0] : plan.kept[0])?.length ?? 0;

/** Keys of config.json that a plan changes. top-k is none of them: a plan leaves at least top-k experts. */
const changedKeys = ({ descriptor }: Checkpoint, plan: Plan): Readonly<Record<string, number>> =>
  Object.fromEntries(descriptor.configKeys.experts.map((key) => [key, keptExperts(plan)]));

/** config.json of the pruned checkpoint: the source's text with the number of experts edited. */
export const exportedConfig = async (checkpoint: Checkpoint, plan: Plan): Promise<string> => {
  const text = await readFile(path.join(checkpoint.folder, 'config.json'), 'utf8');
  return editJsonNumbers(text, changedKeys(checkpoint, plan));
};

/** What is wrong with the config of an export, one sentence per key. */
export const configProblems = (
  checkpoint: Checkpoint,
  plan: Plan,
  exported: Readonly<Record<string, unknown>>,
): readonly string[] => {
  const expected: Readonly<Record<string, unknown>> = { ...checkpoint.config, ...changedKeys(checkpoint, plan) };
  const keys = [...new Set([...Object.keys(expected), ...Object.keys(exported)])];
  return keys.flatMap((key) => {
    const [is, wanted] = [shown(exported[key]), shown(expected[key])];
    return is === wanted ? [] : [`config.json: "${key}" is ${is} instead of ${wanted}.`];
  });
};

const shown = (value: unknown): string => (value === undefined ? 'missing' : canonicalJson(value));
