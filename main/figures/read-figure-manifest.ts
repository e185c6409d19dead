import { csvParseRows } from 'd3-dsv';
import { z } from 'zod';
import { boundedList, boundedText } from '../contract/bounds.ts';
import { jsonIn } from '../contract/errors.ts';
import { RUN_COLUMN } from './csv.ts';
import { PNG_SIGNATURE } from './png.ts';

/**
 * Provenance of a saved figure or table, from the manifest inside or, in a table, from its columns: the run, several
 * runs, or the profile of a model on a task.
 */
export type FigureSource =
  | { readonly kind: 'run'; readonly run: string; readonly title: string | null }
  | { readonly kind: 'runs'; readonly runs: readonly string[] }
  | { readonly kind: 'profile'; readonly model: string; readonly task: string };

const ofRun = z.object({ id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,127}$/), title: boundedText.optional() });
const ofRuns = z.object({ runs: boundedList(ofRun).min(1) });
const ofProfile = z.object({ model: z.object({ name: boundedText }), task: z.object({ name: boundedText }) });

const SVG_MANIFEST = /<metadata id="manifest">([^<]*)<\/metadata>/;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

const unescaped = (reference: string): string | undefined => {
  const code = reference.startsWith('#x')
    ? Number.parseInt(reference.slice(2), 16)
    : reference.startsWith('#')
      ? Number(reference.slice(1))
      : null;
  if (code === null) return ENTITIES[reference];
  return code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
};

const unescapeXml = (text: string): string =>
  text.replace(/&(#\d{1,7}|#x[0-9a-fA-F]{1,6}|\w{1,5});/g, (whole, reference: string) => unescaped(reference) ?? whole);

/** Length, type and CRC of a PNG's chunk. */
const CHUNK_FRAME_BYTES = 12;
const KEYWORD = 'Manifest';
/** The end of the keyword, two compression flags, and the ends of the empty language and translated keyword. */
const FIELDS_BYTES = 5;

/** The text of the international text chunk `Manifest` (PNG specification, 11.3.3.4), which is written uncompressed. */
const pngManifest = (bytes: Uint8Array): string | null => {
  if (PNG_SIGNATURE.some((byte, index) => bytes[index] !== byte)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = new TextEncoder().encode(KEYWORD);
  for (let at = PNG_SIGNATURE.length; at + CHUNK_FRAME_BYTES <= bytes.length;) {
    const length = view.getUint32(at);
    const type = new TextDecoder().decode(bytes.subarray(at + 4, at + 8));
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (data.length < length) return null;
    if (type === 'iTXt' && head.every((code, index) => data[index] === code))
      return new TextDecoder().decode(data.subarray(KEYWORD.length + FIELDS_BYTES));
    at += CHUNK_FRAME_BYTES + length;
  }
  return null;
};

/** Runs are read from so much of a table: its first column names them in every line. */
const MOST_TABLE_CHARACTERS = 4_000_000;

const ofColumns = z.object({ model: boundedText, task: boundedText, layer: boundedText, expert: boundedText });

/** Provenance of a table without a manifest inside: its run, its runs, or the profile that it lists. */
const tableSource = (bytes: Uint8Array): FigureSource | null => {
  // Rows as lists: `csvParse` makes its objects by a function from text, which the page's policy forbids.
  const [columns = [], ...rows] = csvParseRows(new TextDecoder().decode(bytes).slice(0, MOST_TABLE_CHARACTERS));
  const at = columns.indexOf(RUN_COLUMN);
  const runs = [...new Set(rows.map((row) => row[at]))].flatMap((id) => ofRun.safeParse({ id }).data?.id ?? []);
  const [run, ...others] = runs;
  if (run !== undefined) return others.length === 0 ? { kind: 'run', run, title: null } : { kind: 'runs', runs };
  const profile = ofColumns.safeParse(Object.fromEntries(columns.map((name, index) => [name, rows[0]?.[index]])));
  return profile.success ? { kind: 'profile', model: profile.data.model, task: profile.data.task } : null;
};

const manifestText = (bytes: Uint8Array): string | null => {
  const ofPng = pngManifest(bytes);
  if (ofPng !== null) return ofPng;
  const svg = SVG_MANIFEST.exec(new TextDecoder().decode(bytes))?.[1];
  return svg === undefined ? null : unescapeXml(svg);
};

/** Provenance of a saved SVG, PNG or CSV; null if it states none, like files of other programs. */
export const readFigureSource = (bytes: Uint8Array): FigureSource | null => {
  const text = manifestText(bytes);
  if (text === null) return tableSource(bytes);
  const manifest = jsonIn(text);
  const run = ofRun.safeParse(manifest);
  if (run.success) return { kind: 'run', run: run.data.id, title: run.data.title ?? null };
  const runs = ofRuns.safeParse(manifest);
  if (runs.success) return { kind: 'runs', runs: runs.data.runs.map(({ id }) => id) };
  const profile = ofProfile.safeParse(manifest);
  return profile.success ? { kind: 'profile', model: profile.data.model.name, task: profile.data.task.name } : null;
};
