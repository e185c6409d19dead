import { z } from 'zod';
import { boundedRecord, boundedText } from './bounds.ts';

const record = boundedRecord(boundedText, z.unknown());

/** Gives one key its present name, and keeps the order of all; anything but a record stays as it is. */
const withRenamedKey = (value: unknown, earlier: string, present: string): unknown => {
  const { success, data } = record.safeParse(value);
  if (!success || !(earlier in data)) return value;
  return Object.fromEntries(Object.entries(data).map(([key, field]) => [key === earlier ? present : key, field]));
};

/** `results.json` of versions that called a curtailed candidate `told`, and thresholds with a verdict too. */
export const withPresentDocumentNames = (document: unknown): unknown => {
  const renamed = withRenamedKey(document, 'told', 'curtailed');
  const { success, data } = record.safeParse(renamed);
  if (!success || data['multiplicity'] === undefined) return renamed;
  return { ...data, multiplicity: withRenamedKey(data['multiplicity'], 'told', 'decided') };
};

/** The setting `stop` of those versions: 'told' is 'early'. */
export const withPresentStop = (stop: unknown): unknown => (stop === 'told' ? 'early' : stop);

/** The kind of a line in their job logs: 'told' is 'curtailed'. */
export const withPresentLineKind = (kind: unknown): unknown => (kind === 'told' ? 'curtailed' : kind);
