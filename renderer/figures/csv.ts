import type { FigureManifest } from './figure.ts';

export type CsvValue = string | number | boolean | null;

const cell = (value: CsvValue): string => {
  if (value === null) return '';
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** RFC 4180 rows under a header; the manifest stands before them as one comment line of JSON. */
export const csvDocument = (
  manifest: FigureManifest,
  header: readonly string[],
  rows: readonly (readonly CsvValue[])[],
): string =>
  [`# ${JSON.stringify(manifest)}`, header.map(cell).join(','), ...rows.map((row) => row.map(cell).join(','))].join(
    '\r\n',
  ) + '\r\n';
