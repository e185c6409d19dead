import type { z } from 'zod';
import { refuse } from '../contract/errors.ts';
import { dropPlan, mergePlan, type Plan } from '../contract/plan.ts';
import { parseForeignJson } from '../files/parse-json.ts';

/** Largest plan: 100 layers x 512 experts with all weights written out are under 3 MB. */
export const MAX_PLAN_CHARACTERS = 16 * 1024 * 1024;

/** Bytes of that many characters, at most. */
export const MAX_PLAN_BYTES = 4 * MAX_PLAN_CHARACTERS;

/** Most values in the lists of a plan: 100 layers x 512 experts with weights are 150,000. */
const MAX_LISTED = 2 ** 18;
/** More than the fields of the largest object of a plan. */
const MOST_FIELDS = 32;

/** Whether the lists within a value together contain more than `most` values; stops counting there. */
const holdsMore = (value: unknown, most: number): boolean => {
  const waiting: unknown[] = [value];
  let listed = 0;
  for (let each = waiting.pop(); each !== undefined; each = waiting.pop()) {
    if (typeof each !== 'object' || each === null) continue;
    const members = Object.values(each);
    // An object with more members is really a list: layers by their numbers.
    if (Array.isArray(each) || members.length > MOST_FIELDS) listed += members.length;
    if (listed > most) return true;
    for (const member of members) if (typeof member === 'object') waiting.push(member);
  }
  return false;
};

/** Refuses more values than any plan or ranking has: each wrong one would be reported, and reports take memory. */
export const requireListed = (json: unknown, refusal: (why: string) => Error): void => {
  if (holdsMore(json, MAX_LISTED)) throw refusal(`its lists contain more than ${MAX_LISTED} values`);
};

/** Problems named in one message; the rest are counted. */
const MAX_PROBLEMS = 3;

/**
 * A plan from its JSON text. `where` names the source in messages (a file, "the request"). Checks only the shape;
 * `validatePlan` checks whether it fits a model.
 *
 * @throws WorkbenchError `plan-unreadable`.
 */
export const readPlan = (text: string, where: string): Plan => {
  if (text.length > MAX_PLAN_CHARACTERS) {
    throw unreadable(where, `it has ${text.length} characters and at most ${MAX_PLAN_CHARACTERS} are read`);
  }
  let json: unknown;
  try {
    json = parseForeignJson(text);
  } catch (cause) {
    throw unreadable(where, `it is not JSON (${cause instanceof Error ? cause.message : String(cause)})`, cause);
  }
  return planOfJson(json, where);
};

/** The same from parsed JSON. @throws WorkbenchError `plan-unreadable`. */
export const planOfJson = (json: unknown, where: string): Plan => {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw unreadable(where, 'it is not a JSON object');
  requireListed(json, (why) => unreadable(where, why));
  const drops = 'kept' in json;
  const merges = 'groups' in json;
  if (drops === merges) {
    throw unreadable(where, drops ? 'it has both "kept" and "groups"' : 'it has neither "kept" nor "groups"');
  }
  const parsed = drops ? dropPlan.safeParse(json) : mergePlan.safeParse(json);
  if (!parsed.success) throw unreadable(where, describe(parsed.error.issues), parsed.error);
  return parsed.data;
};

const describe = (issues: readonly z.core.$ZodIssue[]): string => {
  const named = issues.slice(0, MAX_PROBLEMS).map(({ path, message }) => `${path.join('.')}: ${message}`);
  const more = issues.length - named.length;
  return named.join('; ') + (more > 0 ? `; and ${more} more` : '');
};

const unreadable = (where: string, why: string, cause?: unknown): Error =>
  refuse(
    'plan-unreadable',
    `The plan in ${where} cannot be read: ${why}.`,
    'Write {"kept": [[expert, ...] for each MoE layer]}, or use a plan that the plan verb wrote.',
    cause,
  );
