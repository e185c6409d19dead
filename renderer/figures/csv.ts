/** What is embedded in every saved figure: enough to find and repeat what it shows. */
export type FigureManifest = Readonly<Record<string, unknown>>;

/** A figure ready to be saved: a complete SVG document and the numbers behind it. */
export interface Figure {
  readonly svg: string;
  /** CSS pixels of the SVG. */
  readonly width: number;
  readonly height: number;
  readonly csv: string;
  readonly manifest: FigureManifest;
}

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
