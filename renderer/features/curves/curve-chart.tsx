import { ChartTip } from '../../charts/chart-tip.tsx';
import { memo, useMemo, useState } from 'react';
import type { SweepResult } from '../../../main/contract/sweep.ts';
import { nearestDot, useElementWidth } from '../../charts/chart-element.ts';
import type { ResolvedTheme } from '../../state/theme.ts';
import { pointLines, pointTitle, resultKey } from '../../sweep/points.ts';
import { dodged, valueDomain } from './chart-rows.ts';
import { CurveFrame } from './curve-frame.tsx';
import { CurveMarks } from './curve-marks.tsx';
import { nextPoint } from './task-curves.ts';
import type { TaskCurves } from './task-curves.ts';
import '../../sweep/sweep.css';

interface CurveChartProps {
  readonly curves: TaskCurves;
  readonly methods: readonly string[];
  readonly hidden: readonly string[];
  readonly title: string;
  readonly chance: number | null;
  readonly delta: number;
  /** Factors with a tick. */
  readonly ticks: readonly number[];
  readonly theme: ResolvedTheme;
  readonly height: number;
  /** The selected point, if it belongs to this task. */
  readonly selected: SweepResult | null;
  readonly onSelect: (result: SweepResult) => void;
  readonly id: string;
}

interface Hovered {
  readonly result: SweepResult;
  readonly x: number;
  readonly y: number;
}

const TIP_WIDTH = 236;

const Chart = (props: CurveChartProps) => {
  const { curves, methods, hidden, title, chance, delta, ticks, theme, height, selected, onSelect, id } = props;
  const [frame, width] = useElementWidth<HTMLDivElement>();
  const [hovered, setHovered] = useState<Hovered | null>(null);
  const shown = useMemo(
    () =>
      curves.curves.filter(
        (curve) => !hidden.includes(curve.method) && curve.points.length + curve.curtailed.length > 0,
      ),
    [curves, hidden],
  );
  const domain = useMemo(() => valueDomain(curves), [curves]);
  const hoveredAt = (area: HTMLElement, clientX: number, clientY: number): Hovered | null => {
    const { left, top } = area.getBoundingClientRect();
    const near = nearestDot(area, clientX - left, clientY - top);
    if (near === null) return null;
    const result = shown.flatMap((curve) => curve.points).find((point) => resultKey(point) === near.key);
    if (result === undefined) return null;
    return hovered?.result === result ? hovered : { result, x: near.x, y: near.y };
  };

  return (
    <div
      className="curve-chart"
      ref={frame}
      id={id}
      role="application"
      aria-roledescription="chart"
      aria-label={`${title}: ${curves.metric} against factor. Arrow keys move between points.`}
      tabIndex={0}
      style={{ height }}
      onPointerMove={(event) => setHovered(hoveredAt(event.currentTarget, event.clientX, event.clientY))}
      onPointerLeave={() => setHovered(null)}
      onClick={(event) => {
        const target = hoveredAt(event.currentTarget, event.clientX, event.clientY);
        if (target !== null) onSelect(target.result);
      }}
      onKeyDown={(event) => {
        const next = nextPoint(shown, selected, event.key);
        if (next === null) return;
        event.preventDefault();
        onSelect(next);
      }}
    >
      {width > 0 && (
        <CurveFrame
          width={width}
          height={height}
          ticks={ticks}
          rightmost={dodged(ticks.at(-1) ?? 2, methods.length - 1, methods.length)}
          domain={domain}
          accuracy={curves.metric !== 'perplexity'}
          unpruned={curves.unpruned}
          delta={delta}
          chance={chance}
        >
          <CurveMarks
            curves={shown}
            unpruned={curves.unpruned}
            methods={methods}
            theme={theme}
            selectedKey={selected === null ? null : resultKey(selected)}
            emphasised={hovered?.result.method ?? selected?.method ?? null}
          />
        </CurveFrame>
      )}
      {hovered !== null && (
        <ChartTip
          at={hovered}
          chart={{ width, height }}
          width={TIP_WIDTH}
          title={pointTitle(hovered.result)}
          lines={pointLines(hovered.result)}
        />
      )}
      <p className="visually-hidden" aria-live="polite">
        {selected === null ? '' : `${pointTitle(selected)}: ${pointLines(selected).join('; ')}`}
      </p>
    </div>
  );
};

const equal = (left: unknown, right: unknown): boolean =>
  left === right || JSON.stringify(left) === JSON.stringify(right);

/**
 * Accuracy (or perplexity) of one task against the factor, one line per method. Arrow keys move between points.
 * Memoised, because a running sweep keeps adding points of other tasks.
 */
export const CurveChart = memo(
  Chart,
  (left, right) =>
    left.theme === right.theme &&
    left.height === right.height &&
    left.delta === right.delta &&
    left.onSelect === right.onSelect &&
    left.title === right.title &&
    left.chance === right.chance &&
    left.id === right.id &&
    equal(left.hidden, right.hidden) &&
    equal(left.methods, right.methods) &&
    equal(left.ticks, right.ticks) &&
    equal(left.selected, right.selected) &&
    equal(left.curves, right.curves),
);
