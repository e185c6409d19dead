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
