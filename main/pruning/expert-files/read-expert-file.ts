import { z } from 'zod';
import { boundedList, boundedRecord, boundedText } from '../../contract/bounds.ts';
import { refuse } from '../../contract/errors.ts';
import { isMergePlan, type Plan } from '../../contract/plan.ts';
import { hasMoreLines } from '../../files/count-lines.ts';
import { parseForeignJson, afterString } from '../../files/parse-json.ts';
import { MAX_PLAN_CHARACTERS, planOfJson, requireListed } from '../read-plan.ts';
import { type PlanTarget, validatePlan } from '../validate-plan.ts';
import { type Ranking, addRequest, isRoutedRequest, rankingOfCounts, RoutedCounts } from './routed-experts.ts';

/** Content of a file about a model's experts: their order for any size, or which ones stay. */
export type ExpertFile =
  | { readonly kind: 'ranking'; readonly ranking: Ranking }
  /** By increasing pruning factor; no two of one size. */
  | { readonly kind: 'plans'; readonly plans: readonly Plan[] };

/** A file's entry for one layer, and its location. */
interface LayerEntry {
  readonly layer: number;
  readonly list: readonly number[];
  /** Line of the list, or of its entry at index `index`. */
  readonly lineOf: (index?: number) => number;
}

const numbers = boundedList(z.number().int().nonnegative());
const byLayer = boundedRecord(boundedText.regex(/^\d+$/), numbers);
const lists = z.union([boundedList(numbers), byLayer]);
const wrappedLists = z.object({ ranking: lists });
/** Far more than the layers of the largest models. */
const MAX_LINES = 65_536;
/** Below this many experts, a list of 0 and 1 is a ranking. */
const LEAST_OF_MASK = 3;

/**
 * Reads a file of any tool about a model's experts. `where` names the file in messages. Supported are
 * - rankings, the best expert first, a list for each MoE layer (counted from 0 without dense layers): a list of lists,
 * `{"0": [...], "1": [...]}`, the same as `{"ranking": ...}`, or JSON lines of such objects, as vllm-ascend reads them
 * (pull request 12525: `expert_list_file`);
 * - plans of this workbench, one or a list of them (`{"kept": [[...]]}`);
 * - routed experts of requests, as vLLM and SGLang return them, a JSON line each (`routed-experts.ts`): experts by how
 * often they were chosen;
 * - masks, as EASY-EP writes them (RUCAIBox/EASYEP, expert_selection.py): [L][E] of 1 (stays) and 0.
 *
 * @throws WorkbenchError `ranking-unreadable`, `routed-experts`, `plan-unreadable`, `plan-invalid`, or
 * `ranking-invalid` naming the line, the layer and the expert.
 */
export const readExpertFile = (text: string, where: string, target: PlanTarget): ExpertFile => {
  if (text.length > MAX_PLAN_CHARACTERS)
    throw unreadable(where, `it has ${text.length} characters and at most ${MAX_PLAN_CHARACTERS} are read`);
  const routed = rankingOfRequests(text, where, target);
  if (routed !== null) return { kind: 'ranking', ranking: routed };
  const entries = entriesOf(text, where, target);
  if (!isEntries(entries)) return { kind: 'plans', plans: inOrder(entries, where) };
  checkLayers(entries, where, target);
  const ordered = [...entries].sort((a, b) => a.layer - b.layer);
  if (isMask(ordered, target.experts)) {
    const kept = ordered.map((entry) => keptOfMask(entry, where));
    return { kind: 'plans', plans: [validatePlan({ kept }, target)] };
  }
  for (const entry of ordered) checkRanking(entry, where, target.experts);
  return { kind: 'ranking', ranking: ordered.map(({ list }) => list) };
};

/** The plan of a file that may contain only one. @throws WorkbenchError `plan-invalid`. */
export const onlyPlan = (plans: readonly Plan[], where: string): Plan => {
  const [plan] = plans;
  if (plan !== undefined && plans.length === 1) return plan;
  throw refuse(
    'plan-invalid',
    `${where} contains ${plans.length} plans, but only one is allowed here.`,
    'Give a file with one plan, or sweep the file as a method.',
  );
};

/** The ranking by routed experts of requests; null where the first line is none. */
const rankingOfRequests = (text: string, where: string, target: PlanTarget): Ranking | null => {
  const end = text.indexOf('\n');
  let first: unknown;
  try {
    first = parseForeignJson(end === -1 ? text : text.slice(0, end));
  } catch {
    // Other files are not lines of JSON.
    return null;
  }
  if (!isRoutedRequest(first)) return null;
  if (hasMoreLines(text, MAX_LINES)) throw unreadable(where, `it has more than ${MAX_LINES} lines`);
  const counts = new RoutedCounts(target, where);
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const what = `line ${index + 1}`;
    const json = parseLine(line, where, what);
    if (!isRoutedRequest(json)) throw unreadable(where, `${what} holds no routed experts`);
    addRequest(counts, json, target, what);
  }
  return rankingOfCounts(counts.counts());
};

const parseLine = (line: string, where: string, what: string): unknown => {
  try {
    return parseForeignJson(line);
  } catch (error) {
    throw unreadable(where, `${what} is not JSON (${error instanceof Error ? error.message : ''})`, error);
  }
};

const isEntries = (found: readonly LayerEntry[] | readonly Plan[]): found is readonly LayerEntry[] =>
  found.every((entry) => 'lineOf' in entry);

const entriesOf = (text: string, where: string, target: PlanTarget): readonly LayerEntry[] | readonly Plan[] => {
  let json: unknown;
  try {
    json = parseForeignJson(text);
  } catch (cause) {
    return entriesOfLines(text, where, cause);
  }
  requireListed(json, (why) => unreadable(where, why));
  const found = plansOf(json, where, target);
  if (found !== null) return found;
  const wrapped = wrappedLists.safeParse(json);
  const plain = lists.safeParse(json);
  if (!wrapped.success && !plain.success)
    throw unreadable(where, 'it contains no lists of experts by layer', plain.error);
  const content = wrapped.success ? wrapped.data.ranking : (plain.data ?? []);
  const before = wrapped.success ? ['ranking'] : [];
  const at = (key: string | number, index?: number): number =>
    lineOfValue(text, index === undefined ? [...before, key] : [...before, key, index]);
  return Array.isArray(content)
    ? content.map((list, layer) => ({ layer, list, lineOf: (index) => at(layer, index) }))
    : Object.entries(content).map(([key, list]) => ({
        layer: Number(key),
        list,
        lineOf: (index) => at(key, index),
      }));
};

/** JSON lines: `{"0": [...]}` each. */
const entriesOfLines = (text: string, where: string, cause: unknown): readonly LayerEntry[] => {
  if (hasMoreLines(text, MAX_LINES)) throw unreadable(where, `it has more than ${MAX_LINES} lines`, cause);
  const lines = text.split('\n').map((line, index) => ({ line: line.trim(), number: index + 1 }));
  const filled = lines.filter(({ line }) => line !== '');
  if (filled.length < 2 || !filled.every(({ line }) => line.startsWith('{') && line.endsWith('}')))
    throw unreadable(where, `it is not JSON (${cause instanceof Error ? cause.message : String(cause)})`, cause);
  return filled.flatMap(({ line, number }) => {
    let json: unknown;
    try {
      json = parseForeignJson(line);
    } catch (error) {
      throw unreadable(where, `line ${number} is not JSON (${error instanceof Error ? error.message : ''})`, error);
    }
    requireListed(json, (why) => unreadable(where, why));
    const parsed = byLayer.safeParse(json);
    if (!parsed.success) throw unreadable(where, `line ${number} contains no list of experts by layer`, parsed.error);
    return Object.entries(parsed.data).map(([layer, list]) => ({ layer: Number(layer), list, lineOf: () => number }));
  });
};

const isPlanObject = (json: unknown): boolean =>
  typeof json === 'object' && json !== null && ('kept' in json || 'groups' in json);

/** The plans in a file, validated against the model; null where it has none. */
const plansOf = (json: unknown, where: string, target: PlanTarget): readonly Plan[] | null => {
  const all: readonly unknown[] = Array.isArray(json) ? json : [json];
  if (all.length === 0 || !all.every(isPlanObject)) return null;
  return all.map((each) => validatePlan(planOfJson(each, where), target));
};

/** Number of experts that a plan leaves, over all layers. */
const sizeOf = (plan: Plan): number =>
  (isMergePlan(plan) ? plan.groups : plan.kept).reduce((sum, layer) => sum + layer.length, 0);

const inOrder = (plans: readonly Plan[], where: string): readonly Plan[] => {
  const sorted = [...plans].sort((a, b) => sizeOf(b) - sizeOf(a));
  const twin = sorted.find((plan, index) => index > 0 && sizeOf(plan) === sizeOf(sorted[index - 1] ?? plan));
  if (twin === undefined) return sorted;
  throw refuse(
    'plan-invalid',
    `Two plans in ${where} leave ${sizeOf(twin)} experts: a curve has one point of each size.`,
    'Put them into separate files, under two names.',
  );
};

const checkLayers = (entries: readonly LayerEntry[], where: string, { moeLayers }: PlanTarget): void => {
  const seen = new Set<number>();
  for (const { layer, lineOf } of entries) {
    if (layer >= moeLayers)
      throw invalid(
        where,
        lineOf(),
        `layer ${layer} is unknown: the model has the MoE layers 0 to ${moeLayers - 1} (dense layers do not count)`,
      );
    if (seen.has(layer)) throw invalid(where, lineOf(), `layer ${layer} appears again`);
    seen.add(layer);
  }
  const lacking = Array.from({ length: moeLayers }, (_, layer) => layer).find((layer) => !seen.has(layer));
  if (lacking === undefined) return;
  const last = entries.at(-1)?.lineOf() ?? 1;
  throw invalid(
    where,
    last,
    `there is no layer ${lacking}: MoE layers are numbered 0 to ${moeLayers - 1} without gaps`,
  );
};

const isMask = (entries: readonly LayerEntry[], experts: number): boolean =>
  experts >= LEAST_OF_MASK &&
  entries.every(({ list }) => list.length === experts && list.every((value) => value === 0 || value === 1));

const keptOfMask = ({ layer, list, lineOf }: LayerEntry, where: string): number[] => {
  const kept = [...list.keys()].filter((expert) => list[expert] === 1);
  if (kept.length === 0) throw invalid(where, lineOf(), `the mask of layer ${layer} keeps no expert`);
  return kept;
};

const checkRanking = ({ layer, list, lineOf }: LayerEntry, where: string, experts: number): void => {
  const seen = new Set<number>();
  list.forEach((expert, index) => {
    if (expert >= experts)
      throw invalid(
        where,
        lineOf(index),
        `expert ${expert} of layer ${layer} is unknown: experts are numbered 0 to ${experts - 1}`,
      );
    if (seen.has(expert)) throw invalid(where, lineOf(index), `expert ${expert} appears twice in layer ${layer}`);
    seen.add(expert);
  });
  const missing = Array.from({ length: experts }, (_, expert) => expert).filter((expert) => !seen.has(expert));
  if (missing.length === 0) return;
  const others = missing.length === 1 ? '' : ` and ${missing.length - 1} more`;
  throw invalid(where, lineOf(), `expert ${missing[0]}${others} of layer ${layer} is missing`);
};

const unreadable = (where: string, why: string, cause?: unknown): Error =>
  refuse(
    'ranking-unreadable',
    `The ranking in ${where} cannot be read: ${why}.`,
    'Write {"0": [experts, best first], "1": [...]}.',
    cause,
  );

const invalid = (where: string, line: number, what: string): Error =>
  refuse(
    'ranking-invalid',
    `The ranking in ${where}, line ${line}: ${what}.`,
    'Name each expert of each MoE layer once, the best first.',
  );

/** Keys and indices of a part of a JSON text. */
export type JsonPath = readonly (string | number)[];

const SPACE = /\s*/y;
const SCALAR = /[^\s,\]}]+/y;

const lengthOf = (pattern: RegExp, text: string, at: number): number => {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0].length ?? 0;
};

const afterSpace = (text: string, at: number): number => at + lengthOf(SPACE, text, at);

/** End of the value that begins at `at`. */
const endOfValue = (text: string, at: number): number => {
  const first = text[at];
  if (first === '"') return afterString(text, at);
  if (first !== '[' && first !== '{') return at + lengthOf(SCALAR, text, at);
  let depth = 0;
  for (let position = at; position < text.length; position += 1) {
    const character = text[position];
    if (character === '"') position = afterString(text, position) - 1;
    else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') {
      depth -= 1;
      if (depth === 0) return position + 1;
    }
  }
  return text.length;
};

/** Start of the child `step` of the list or object at `at`; null where it has none. The last of duplicate keys. */
const childOf = (text: string, at: number, step: string | number): number | null => {
  const isObject = text[at] === '{';
  if (!isObject && text[at] !== '[') return null;
  let found: number | null = null;
  let position = afterSpace(text, at + 1);
  for (let index = 0; position < text.length && text[position] !== ']' && text[position] !== '}'; index += 1) {
    let name: string | number = index;
    if (isObject) {
      const end = endOfValue(text, position);
      name = String(JSON.parse(text.slice(position, end)));
      position = afterSpace(text, afterSpace(text, end) + 1);
    }
    if (name === step) found = position;
    position = afterSpace(text, endOfValue(text, position));
    if (text[position] === ',') position = afterSpace(text, position + 1);
  }
  return found;
};

/**
 * Line (from 1) on which the value at `path` begins. `text` must be JSON; where a part of the path is missing, the line
 * of the last part found.
 */
export const lineOfValue = (text: string, path: JsonPath): number => {
  let at = afterSpace(text, 0);
  for (const step of path) {
    const child = childOf(text, at, step);
    if (child === null) break;
    at = child;
  }
  return text.slice(0, at).split('\n').length;
};
