import { markOutline, methodStyle, RECOVERED_DOT } from '../../main/figures/method-marks.ts';
import { methodTitle } from '../plan/methods.ts';
import type { ResolvedTheme } from '../state/theme.ts';
import { escapeXml } from './svg-document.ts';

interface MethodLegend {
  /** Every method, in the order that gives each its style, and those that are drawn. */
  readonly methods: readonly string[];
  readonly shown: readonly string[];
  readonly theme: ResolvedTheme;
  readonly ink: string;
  readonly background: string;
  readonly left: number;
  /** Middle of the first row. */
  readonly top: number;
  readonly width: number;
}

export const LEGEND_ROW = 20;
const LINE = 30;
const CHARACTER = 6.6;
const SPACE = 26;

const widthOf = (method: string): number => LINE + 8 + methodTitle(method).length * CHARACTER + SPACE;

/** Lines, marks and names of the methods in a saved figure, in as many rows as they need. */
export const methodLegend = ({
  methods,
  shown,
  theme,
  ink,
  background,
  left,
  top,
  width,
}: MethodLegend): { readonly markup: readonly string[]; readonly rows: number } => {
  let x = left;
  let row = 0;
  const markup = shown.map((method) => {
    const style = methodStyle(method, methods.indexOf(method));
    const color = style[theme];
    if (x > left && x + widthOf(method) > left + width) {
      x = left;
      row += 1;
    }
    const [start, y] = [x, top + row * LEGEND_ROW];
    x += widthOf(method);
    const mark = style.isRecovered
      ? `<path d="${markOutline(style.shape, start + LINE / 2, y, 3.6)}" fill="${background}" stroke="${color}" ` +
        `stroke-width="1.3"/><circle cx="${start + LINE / 2}" cy="${y}" r="${3.6 * RECOVERED_DOT}" ` +
        `fill="${color}"/>`
      : `<path d="${markOutline(style.shape, start + LINE / 2, y, 3.6)}" fill="${color}"/>`;
    return (
      `<path d="M${start} ${y}h${LINE}" stroke="${color}" stroke-width="1.8" ` +
      `stroke-dasharray="${style.dash}"/>${mark}<text x="${start + LINE + 8}" y="${y + 4}" ` +
      `fill="${ink}">${escapeXml(methodTitle(method))}</text>`
    );
  });
  return { markup, rows: row + 1 };
};
