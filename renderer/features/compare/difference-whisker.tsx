import type { CompareDocument, CompareRow, CompareTask } from '../../../main/contract/compare.ts';
import type { MetricName } from '../../../main/contract/task.ts';
import type { MethodStyle } from '../../../main/figures/method-marks.ts';
import type { ResolvedTheme } from '../../app/theme.ts';
import { MethodMarker } from '../../charts/method-marker.tsx';
import { goodness } from './compare-words.ts';

/** Differences at the left and the right end, on the side of better. */
export type Domain = readonly [low: number, high: number];

/** Holds 0 and every interval: of all accuracies together, of each perplexity task by itself. */
export const intervalDomain = ({ tasks }: CompareDocument, { task, metric }: CompareTask): Domain => {
  const shown = tasks.filter((other) =>
    metric === 'perplexity' ? other.task === task : other.metric !== 'perplexity',
  );
  const ends = shown.flatMap((one) =>
    one.rows.flatMap(({ paired }) =>
      paired === null ? [] : [goodness(paired.low, one.metric), goodness(paired.high, one.metric)],
    ),
  );
  return [Math.min(0, ...ends), Math.max(0, ...ends)];
};

const WIDTH = 84;
const HEIGHT = 18;
const EDGE = 5;

interface DifferenceWhiskerProps {
  readonly row: CompareRow;
  readonly metric: MetricName;
  readonly domain: Domain;
  readonly style: MethodStyle;
  readonly theme: ResolvedTheme;
}

/** A difference with its interval on a line about 0; right is better. */
export const DifferenceWhisker = ({
  row: { paired, reading },
  metric,
  domain: [low, high],
  style,
  theme,
}: DifferenceWhiskerProps) => {
  const x = (value: number): number =>
    EDGE + (high > low ? ((value - low) / (high - low)) * (WIDTH - 2 * EDGE) : (WIDTH - 2 * EDGE) / 2);
  const at = (value: number): number => x(goodness(value, metric));
  const middle = HEIGHT / 2;
  return (
    <svg width={WIDTH} height={HEIGHT} aria-hidden="true">
      <line x1={x(0)} x2={x(0)} y1={0} y2={HEIGHT} stroke="var(--border-strong)" />
      {paired !== null && (
        <>
          <line
            x1={at(paired.low)}
            x2={at(paired.high)}
            y1={middle}
            y2={middle}
            stroke={style[theme]}
            strokeWidth={1.4}
          />
          <MethodMarker
            style={style}
            theme={theme}
            x={at(paired.difference)}
            y={middle}
            r={4}
            hollow={reading === 'cannot-tell' && !style.isRecovered}
          />
        </>
      )}
    </svg>
  );
};
