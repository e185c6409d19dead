import type { z } from 'zod';
import { refuse } from '../contract/errors.ts';
import { dropPlan, mergePlan, type Plan } from '../contract/plan.ts';
import { parseForeignJson } from '../files/parse-json.ts';

/** Largest plan that is read: 100 layers x 512 experts with weights written in full are under 3 MB. */
export const MAX_PLAN_CHARACTERS = 16 * 1024 * 1024;

/** No more bytes hold that many characters. */
export const MAX_PLAN_BYTES = 4 * MAX_PLAN_CHARACTERS;

/** What lists of a plan hold together: 100 layers x 512 experts with weights are 150,000 values. */
const MAX_LISTED = 2 ** 18;
/** Fields of the largest object of a plan are fewer. */
const MOST_FIELDS = 32;

/** How much the lists within a value hold, all of them together; stops where it is more than `most`. */
const holdsMore = (value: unknown, most: number): boolean => {
  const waiting: unknown[] = [value];
  let listed = 0;
  for (let each = waiting.pop(); each !== undefined; each = waiting.pop()) {
    if (typeof each !== 'object' || each === null) continue;
    const members = Object.values(each);
    // An object with more members is a list by another name: layers by their numbers.
    if (Array.isArray(each) || members.length > MOST_FIELDS) listed += members.length;
    if (listed > most) return true;
    for (const member of members) if (typeof member === 'object') waiting.push(member);
  }
  return false;
};

/** Refuses what lists more than any plan or ranking: each wrong value would be told, and what is told takes memory. */
export const requireListed = (json: unknown, refusal: (why: string) => Error): void => {
  if (holdsMore(json, MAX_LISTED)) throw refusal(`its lists hold more than ${String(MAX_LISTED)} values`);
};

/** Problems named in one message; the rest are counted. */
const MAX_PROBLEMS = 3;

/**
 * A plan from its JSON text. `where` names the source in messages (a file, "the request"). The shape is checked here;
 * whether it fits a model, by `validatePlan`.
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
    throw unreadable(where, `it is no JSON (${cause instanceof Error ? cause.message : String(cause)})`, cause);
  }
  return planOfJson(json, where);
};

/** The same from what its text holds. @throws WorkbenchError `plan-unreadable`. */
export const planOfJson = (json: unknown, where: string): Plan => {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw unreadable(where, 'it is no JSON object');
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
