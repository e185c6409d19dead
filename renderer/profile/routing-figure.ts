import type { ModelEntry } from '../../main/contract/model.ts';
import type { TaskProfile } from '../../main/contract/profile.ts';
import type { ColorScale } from '../charts/color-scales.ts';
import { csvDocument } from '../figures/csv.ts';
import type { Figure } from '../figures/csv.ts';
import { heatmapSvg } from '../figures/heatmap-svg.ts';
import { svgDocument } from '../figures/svg-document.ts';
import type { ExpertFate } from '../plan/expert-fates.ts';
import type { RoutingMetric } from '../state/view-stores.ts';
import { formatMetric, formatMetricShort } from './metrics.ts';
import type { Matrix } from './metrics.ts';

interface RoutingFigure {
  readonly profile: TaskProfile;
  readonly metric: RoutingMetric;
  readonly matrix: Matrix;
  readonly scale: ColorScale;
  readonly minus: string | null;
  readonly fates: readonly (readonly ExpertFate[])[] | null;
  readonly model: ModelEntry | null;
  readonly title: string;
}

/** The heatmap on screen as a file. */
export const routingFigure = ({
  profile,
  metric,
  matrix,
  scale,
  minus,
  fates,
  model,
  title,
}: RoutingFigure): Figure => {
  const manifest = {
    kind: 'uncurl-routing',
    model: model === null ? null : { name: model.name, fingerprint: model.fingerprint },
    task: { name: profile.task, hash: profile.taskHash },
    metric,
    minus,
    items: profile.items,
    tokens: profile.tokens,
  };
  const { body, width, height } = heatmapSvg({
    title,
    matrix,
    scale,
    hatch: (layer, expert) => {
      const kind = fates?.[layer]?.[expert]?.kind;
      return kind === 'dropped' || kind === 'merged' ? kind : 'none';
    },
    cellText: (value) => formatMetricShort(metric, value),
    legendText: (value) => formatMetric(metric, value, minus !== null),
  });
  return {
    svg: svgDocument({ width, height, title, background: '#ffffff', manifest, body }),
    width,
    height,
    manifest,
    csv: csvDocument(
      manifest,
      ['layer', 'expert', 'value', 'tokens_routed', 'plan'],
      matrix.flatMap((row, layer) =>
        row.map((value, expert) => [
          layer,
          expert,
          value,
          profile.counts[layer]?.[expert] ?? null,
          fates?.[layer]?.[expert]?.kind ?? null,
        ]),
      ),
    ),
  };
};
