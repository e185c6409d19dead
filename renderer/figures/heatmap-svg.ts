import { inkOn, scaleSteps } from '../charts/color-scales.ts';
import type { ColorScale } from '../charts/color-scales.ts';
import { cellOrigin, heatmapGeometry, labelStep } from '../charts/heatmap-geometry.ts';
import type { Hatch } from '../charts/paint-heatmap.ts';
import { escapeXml } from './svg-document.ts';

interface HeatmapDrawing {
  readonly title: string;
  readonly matrix: readonly (readonly number[])[];
  readonly scale: ColorScale;
  readonly hatch: (layer: number, expert: number) => Hatch;
  readonly cellText: (value: number) => string;
  readonly legendText: (value: number) => string;
}

const WIDTH = 900;
const TOP = 64;
const LEFT = 64;
const LEGEND_HEIGHT = 58;

const pattern = (id: string, ...marks: readonly string[]): string =>
  `<pattern id="${id}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">` +
  `${marks.join('')}</pattern>`;

const patterns = `<defs>
${pattern(
  'dropped',
  '<rect width="1.2" height="6" fill="#000" fill-opacity=".8"/>',
  '<rect x="1.2" width="1.2" height="6" fill="#fff" fill-opacity=".85"/>',
)}
${pattern(
  'merged',
  '<path d="M0 0H6M0 0V6" stroke="#000" stroke-width="1.6"/>',
  '<path d="M1.2 1.2H6M1.2 1.2V6" stroke="#fff" stroke-width=".8"/>',
)}
</defs>`;

/** A heatmap as SVG markup on white, with title, axes and legend, and its size. */
export const heatmapSvg = (
  drawing: HeatmapDrawing,
): { readonly body: string; readonly width: number; readonly height: number } => {
  const { matrix, scale } = drawing;
  const layers = matrix.length;
  const experts = matrix[0]?.length ?? 0;
  const geometry = heatmapGeometry(WIDTH, layers, experts, { left: LEFT, top: TOP, right: 16 });
  const { cellWidth, cellHeight, gap } = geometry;
  const [w, h] = [cellWidth - gap, cellHeight - gap];
  const roomy = cellWidth >= 34 && cellHeight >= 20;
  const cells = matrix.flatMap((row, layer) =>
    row.map((value, expert) => {
      const { x, y } = cellOrigin(geometry, { layer, expert });
      const color = scale.color(value);
      const hatch = drawing.hatch(layer, expert);
      const rect = `<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="${color}"/>`;
      const lines =
        hatch === 'none' ? '' : `<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="url(#${hatch})"/>`;
      const plate =
        roomy && hatch !== 'none'
          ? `<rect x="${x + w / 2 - 15}" y="${y + h / 2 - 8}" width="30" height="16" fill="${color}"/>`
          : '';
      const text = roomy
        ? `<text x="${x + w / 2}" y="${y + h / 2 + 4}" text-anchor="middle" font-size="11" ` +
          `fill="${inkOn(color)}">${escapeXml(drawing.cellText(value))}</text>`
        : '';
      return rect + lines + plate + text;
    }),
  );
  const columnStep = labelStep(cellWidth);
  const columns = Array.from({ length: Math.ceil(experts / columnStep) }, (_, index) => index * columnStep).map(
    (expert) =>
      `<text x="${LEFT + expert * cellWidth + w / 2}" y="${TOP - 6}" text-anchor="middle" font-size="11" ` +
      `fill="#444">${expert}</text>`,
  );
  const rowStep = Math.ceil(13 / cellHeight);
  const rows = Array.from({ length: Math.ceil(layers / rowStep) }, (_, index) => index * rowStep).map(
    (layer) =>
      `<text x="${LEFT - 8}" y="${TOP + layer * cellHeight + h / 2 + 4}" text-anchor="end" font-size="11" ` +
      `fill="#444">${layer}</text>`,
  );
  const bottom = geometry.height + 18;
  const steps = scaleSteps(scale, 40);
  const [low, high] = scale.domain;
  const legend = [
    ...steps.map(
      (color, step) => `<rect x="${LEFT + step * 5}" y="${bottom}" width="5.5" height="10" fill="${color}"/>`,
    ),
    ...[low, (low + high) / 2, high].map(
      (value, place) =>
        `<text x="${LEFT + place * 100}" y="${bottom + 24}" font-size="11" fill="#444" ` +
        `text-anchor="${['start', 'middle', 'end'][place] ?? 'start'}">${escapeXml(drawing.legendText(value))}</text>`,
    ),
  ];
  const body = [
    patterns,
    `<text x="${LEFT}" y="24" font-size="14" font-weight="bold" fill="#111">${escapeXml(drawing.title)}</text>`,
    `<text x="${LEFT}" y="42" font-size="11" fill="#444">columns: experts; rows: MoE layers; hatched: pruned by ` +
      'the plan</text>',
    ...columns,
    ...rows,
    ...cells,
    ...legend,
  ].join('\n');
  return { body, width: geometry.width, height: geometry.height + LEGEND_HEIGHT };
};
