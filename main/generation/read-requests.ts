import { z } from 'zod';
import { boundedList, boundedText } from '../contract/bounds.ts';
import { refuse } from '../contract/errors.ts';
import { type Positions, positionsText } from '../contract/model.ts';
import { parseForeignJson } from '../files/parse-json.ts';
import type { WritingRequest } from './write-texts.ts';

/** Number of refused requests named one by one. */
const MAX_NAMED = 10;

const request = z.strictObject({
  id: boundedText,
  context: boundedText,
  until: boundedList(boundedText.min(1, 'a stop string is empty')).default([]),
  maxNewTokens: z.number().int().min(1).optional(),
});

/**
 * Reads the requests of a file, one `{"id","context","until":[...],"maxNewTokens":n}` per line. `until` may be omitted,
 * and `maxNewTokens` if `defaults` has one.
 *
 * @throws WorkbenchError `bad-requests`, naming invalid lines with the problem, and how many more there are;
 * `no-requests`.
 */
export const readRequests = (
  text: string,
  location: string,
  defaults: Positions & { readonly maxNewTokens: number },
): readonly WritingRequest[] => {
  const requests: WritingRequest[] = [];
  const problems: string[] = [];
  let unnamed = 0;
  const lineOf = new Map<string, number>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const problem = (what: string): void => {
      if (problems.length < MAX_NAMED) problems.push(`Line ${index + 1}: ${what}.`);
      else unnamed += 1;
    };
    const json = jsonOf(line);
    if (json === undefined) {
      problem('not JSON');
      continue;
    }
    const parsed = request.safeParse(json);
    if (!parsed.success) {
      problem(
        parsed.error.issues
          .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
          .join('; '),
      );
      continue;
    }
    const { id, maxNewTokens = defaults.maxNewTokens } = parsed.data;
    const before = lineOf.get(id);
    if (before !== undefined) problem(`id "${id}" was used on line ${before}`);
    else if (maxNewTokens >= defaults.maxPositions) {
      problem(
        `"${id}": ${maxNewTokens} new tokens leave no room for a prompt within the model's ` + positionsText(defaults),
      );
    }
    lineOf.set(id, index + 1);
    requests.push({ ...parsed.data, maxNewTokens });
  }
  if (problems.length > 0) {
    const more = unnamed > 0 ? ` And ${unnamed} more.` : '';
    throw refuse(
      'bad-requests',
      `${location}: ${problems.join(' ')}${more}`,
      'Write one {"id","context","until":[...],"maxNewTokens":n} per line.',
    );
  }
  if (requests.length === 0)
    throw refuse('no-requests', `${location} contains no requests.`, 'Write one JSON object per line.');
  return requests;
};

/** Undefined if the text is not JSON. */
const jsonOf = (line: string): unknown => {
  try {
    return parseForeignJson(line);
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
};
