import { useId, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { MouseEvent, ReactNode } from 'react';
import type { Hatch } from '../../main/figures/cell-matrix.ts';
import type { ColorScale } from '../../main/figures/color-scales.ts';
import { useResolvedTheme } from '../state/theme.ts';
import { useElementWidth } from './chart-element.ts';
import { cellAt, cellOrigin, heatmapGeometry, movedCell } from './heatmap-geometry.ts';
import type { Cell } from './heatmap-geometry.ts';
import { paintHeatmap } from './paint-heatmap.ts';
import './heatmap.css';

interface HeatmapProps {
  /** What the map shows, read aloud. */
  readonly label: string;
  readonly matrix: readonly (readonly number[])[];
  readonly scale: ColorScale;
  readonly hatch: (cell: Cell) => Hatch;
  readonly pin: (cell: Cell) => boolean | null;
  readonly cellText: ((value: number) => string) | null;
  readonly rowNote: ((layer: number) => string) | null;
  readonly rowNoteTitle?: ReactNode;
  readonly selected: { readonly layer: number | null; readonly expert: number | null };
  readonly onSelect: (cell: Cell) => void;
  /** Exact numbers of a cell, in words: shown on hover and read aloud. */
  readonly describe: (cell: Cell) => { readonly title: string; readonly lines: readonly string[] };
}

const MARGINS = { left: 34, top: 22 } as const;
const NOTE_WIDTH = 44;

/** Layers x experts on a canvas. Arrow keys walk the cells; every cell's numbers appear on hover and are read aloud. */
export const Heatmap = (props: HeatmapProps) => {
  const { label, matrix, scale, hatch, pin, cellText, rowNote, selected, onSelect, describe } = props;
  const [frame, width] = useElementWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [hovered, setHovered] = useState<Cell | null>(null);
  const [focused, setFocused] = useState(false);
  const theme = useResolvedTheme();
  const helpId = useId();
  const layers = matrix.length;
  const experts = matrix[0]?.length ?? 0;
  const geometry = useMemo(
    () => heatmapGeometry(width, layers, experts, { ...MARGINS, right: rowNote === null ? 2 : NOTE_WIDTH }),
    [width, layers, experts, rowNote],
  );
  const cursor: Cell = {
    layer: Math.min(selected.layer ?? 0, layers - 1),
    expert: Math.min(selected.expert ?? 0, experts - 1),
  };

  useLayoutEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (element === null || context === null || context === undefined || width === 0) return;
    const ratio = window.devicePixelRatio;
    element.width = Math.round(geometry.width * ratio);
    element.height = Math.round(geometry.height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(element);
    paintHeatmap(context, {
      geometry,
      matrix,
      scale,
      hatch,
      pin,
      cellText,
      rowNote,
      ink: style.getPropertyValue('--text').trim(),
      mutedInk: style.getPropertyValue('--text-muted').trim(),
      font: style.fontFamily,
      selectedLayer: selected.layer,
    });
  }, [geometry, matrix, scale, hatch, pin, cellText, rowNote, selected.layer, theme, width]);

  const shown = hovered ?? (focused ? cursor : null);
  const box = (cell: Cell) => {
    const { x, y } = cellOrigin(geometry, cell);
    return {
      left: x - 2,
      top: y - 2,
      width: geometry.cellWidth - geometry.gap + 4,
      height: geometry.cellHeight - geometry.gap + 4,
    };
  };
  const cellUnder = (event: MouseEvent<HTMLElement>): Cell | null => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    return cellAt(geometry, event.clientX - left, event.clientY - top);
  };
  const words = (cell: Cell): string => {
    const { title, lines } = describe(cell);
    return [title, ...lines].join(', ');
  };

  return (
    <div className="heatmap-frame" ref={frame}>
      {props.rowNoteTitle !== undefined && rowNote !== null && (
        <div className="heatmap-note-title" style={{ width: Math.min(geometry.width, width) }}>
          {props.rowNoteTitle}
        </div>
      )}
      <div
        className="heatmap"
        role="application"
        aria-roledescription="heatmap"
        aria-label={label}
        aria-describedby={helpId}
        tabIndex={0}
        style={{ width: geometry.width, height: geometry.height }}
        onFocus={() => setFocused(true)}
        onBlur={() => setFocused(false)}
        onKeyDown={(event) => {
          if (event.ctrlKey || event.metaKey || event.altKey) return;
          const next = movedCell(cursor, event.key, layers, experts);
          if (next === null) return;
          event.preventDefault();
          setHovered(null);
          onSelect(selected.expert === null ? cursor : next);
        }}
        onPointerMove={(event) => {
          const cell = cellUnder(event);
          setHovered((known) => (known?.layer === cell?.layer && known?.expert === cell?.expert ? known : cell));
        }}
        onPointerLeave={() => setHovered(null)}
        onClick={(event) => {
          const cell = cellUnder(event);
          if (cell !== null) onSelect(cell);
        }}
      >
        <canvas ref={canvas} aria-hidden="true" style={{ width: geometry.width, height: geometry.height }} />
        {selected.layer !== null && selected.expert !== null && layers > 0 && (
          <div className="heatmap-selected" style={box(cursor)} />
        )}
        {hovered !== null && <div className="heatmap-hovered" style={box(hovered)} />}
        {shown !== null && layers > 0 && <HeatmapTip {...describe(shown)} place={box(shown)} width={geometry.width} />}
      </div>
      <p id={helpId} className="visually-hidden">
        Arrow keys move between layers (up, down) and experts (left, right); Home and End go to the ends of a layer.
      </p>
      <p className="visually-hidden" aria-live="polite">
        {focused && layers > 0 ? words(cursor) : ''}
      </p>
    </div>
  );
};

interface HeatmapTipProps {
  readonly title: string;
  readonly lines: readonly string[];
  readonly place: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
  readonly width: number;
}

const TIP_WIDTH = 216;

const HeatmapTip = ({ title, lines, place, width }: HeatmapTipProps) => (
  <div
    className="chart-tip"
    style={{
      top: place.top + place.height + 4,
      left: Math.max(0, Math.min(place.left, width - TIP_WIDTH)),
      width: TIP_WIDTH,
    }}
  >
    <strong>{title}</strong>
    {lines.map((line) => (
      <div key={line}>{line}</div>
    ))}
  </div>
);

interface MiniHeatmapProps {
  readonly matrix: readonly (readonly number[])[];
  readonly scale: ColorScale;
  /** CSS pixels. */
  readonly height: number;
}

/**
 * A small picture of a heatmap: one canvas pixel per cell, stretched. For overviews; it says nothing to a screen
 * reader.
 */
export const MiniHeatmap = ({ matrix, scale, height }: MiniHeatmapProps) => {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (element === null || context === null || context === undefined) return;
    element.width = matrix[0]?.length ?? 1;
    element.height = Math.max(1, matrix.length);
    matrix.forEach((row, layer) =>
      row.forEach((value, expert) => {
        context.fillStyle = scale.color(value);
        context.fillRect(expert, layer, 1, 1);
      }),
    );
  }, [matrix, scale]);
  return <canvas ref={canvas} className="mini-heatmap" style={{ height }} aria-hidden="true" />;
};
