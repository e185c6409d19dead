import {
  memo,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type MouseEvent,
  type ReactNode,
} from 'react';
import { shallow } from 'zustand/shallow';
import type { CellMatrix } from '../../main/figures/cell-matrix.ts';
import type { ColorScale } from '../../main/figures/colors.ts';
import { useResolvedTheme } from '../state/theme.ts';
import { useElementWidth } from './chart-element.ts';
import { IconButton } from '../components/button.tsx';
import { openPopover, placeBelow, TipText } from '../components/tooltip.tsx';
import {
  cellAt,
  cellOrigin,
  draggedBy,
  heatmapGeometry,
  isShown,
  movedCell,
  type Cell,
  type MapWindow,
  fitting,
  isWhole,
  panned,
  revealing,
  zoomed,
} from './heatmap-geometry.ts';
import { type HeatmapPicture, paintHeatmap, themeInks } from './paint-heatmap.ts';
import './heatmap.css';

interface HeatmapProps extends Pick<
  HeatmapPicture,
  'matrix' | 'shades' | 'scale' | 'hatch' | 'pin' | 'cellText' | 'rowNote' | 'columnNumber'
> {
  /** Accessible description of the map. */
  readonly label: string;
  readonly rowNoteTitle?: ReactNode;
  /** Column order in words, if not by expert number. */
  readonly orderWords?: string | undefined;
  readonly selected: { readonly layer: number | null; readonly expert: number | null };
  readonly onSelect: (cell: Cell) => void;
  /** Exact numbers of a cell, shown on hover and read aloud. */
  readonly describe: (cell: Cell) => { readonly title: string; readonly lines: readonly string[] };
  /** Called on a right click on a cell, or the menu key on the selected one. */
  readonly onMenu?: ((cell: Cell, event: MouseEvent) => void) | undefined;
  /** The area drawn over the cells; null: none. It is drawn by dragging over a whole map, or by Shift with arrow keys. */
  readonly area?: { readonly from: Cell; readonly to: Cell } | null;
  readonly onArea?: ((area: { readonly from: Cell; readonly to: Cell } | null) => void) | undefined;
  /** Whether the map fills the window; then lines mark row and column of the cell under the pointer. */
  readonly isFull?: boolean;
  /** Beside the zoom buttons; memoised by the caller, as the map is drawn anew with it. */
  readonly legend: ReactNode;
}

const MARGINS = { left: 34, top: 22 } as const;
const NOTE_WIDTH = 62;

/** Factor by which a key scales the window; null: the whole map. */
const zoomKeys: Readonly<Record<string, number | null>> = { '+': 0.5, '=': 0.5, '-': 2, '0': null };

/** Part of the window that one wheel step moves by. */
const WHEEL_STEP = 0.15;

/** Maximum map height, so that the chart below stays visible; in the full window, so that the legend does. */
const roomFor = (isFull: boolean): number =>
  isFull ? Math.max(170, window.innerHeight - 220) : Math.max(170, Math.min(440, window.innerHeight * 0.42));

/** Largest cell of a map that fills the window. */
const FULL_CELL = { width: 240, height: 120 } as const;

/** Pixels that the pointer must move before a press on the map becomes a drag. */
const DRAG_PX = 5;

interface Drag {
  readonly x: number;
  readonly y: number;
  readonly from: MapWindow;
  /** The first cell of an area; null: the map is moved. */
  readonly cell: Cell | null;
  /** Whether the pointer has moved far enough. */
  readonly isMoving: boolean;
}

/** Time in which the experts of another plan fade in and out. */
const FADE_MS = 180;
/** Larger maps are painted at once: a frame of one takes too long. */
const FADING_CELLS = 6000;

const middleOf = ({ firstLayer, layers, firstExpert, experts }: MapWindow): Cell => ({
  layer: firstLayer + Math.floor(layers / 2),
  expert: firstExpert + Math.floor(experts / 2),
});

/**
 * Layers x experts on a canvas, fitted to the room. Arrow keys move between cells; each cell's numbers appear on hover
 * and are read aloud.
 */
export const Heatmap = memo((props: HeatmapProps) => {
  const { label, matrix, shades, scale, hatch, pin, cellText, rowNote, columnNumber, selected, onSelect, describe } =
    props;
  const { isFull = false, onMenu, area = null, onArea } = props;
  const [frame, width] = useElementWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const map = useRef<HTMLDivElement>(null);
  const [hovered, setHovered] = useState<Cell | null>(null);
  /**
   * Whether the map is used by keyboard; then the focused cell shows its numbers. With a pointer, only the cell under
   * it does.
   */
  const [walking, setWalking] = useState(false);
  const [chosenWindow, chooseWindow] = useState<MapWindow | null>(null);
  const [drag, setDrag] = useState<Drag | null>(null);
  const theme = useResolvedTheme();
  const helpId = useId();
  const layers = matrix.length;
  const experts = matrix[0]?.length ?? 0;
  const size = useMemo(() => ({ layers, experts }), [layers, experts]);
  const geometry = useMemo(
    () =>
      heatmapGeometry(
        { width, height: roomFor(isFull) },
        fitting(chosenWindow, size),
        { ...MARGINS, right: rowNote === null ? 2 : NOTE_WIDTH },
        isFull ? FULL_CELL : undefined,
      ),
    [width, chosenWindow, size, rowNote, isFull],
  );
  const shownWindow = geometry.shown;
  const dragging = drag?.isMoving === true ? ' heatmap-dragged' : ' heatmap-part';
  const part = isWhole(shownWindow, size) || (drag !== null && drag.cell !== null) ? '' : dragging;
  const cursor: Cell = {
    layer: Math.min(selected.layer ?? 0, layers - 1),
    expert: Math.min(selected.expert ?? 0, experts - 1),
  };

  /** The plan drawn before, from which the next one fades. */
  const drawn = useRef({ hatch, matrix });
  /** All that the picture on the canvas depends on; null while there is none, or a part of a fading. */
  const painted = useRef<Readonly<Record<string, unknown>> | null>(null);
  useLayoutEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (element === null || context === null || context === undefined || width === 0) return undefined;
    const ratio = window.devicePixelRatio;
    const [wide, high] = [Math.round(geometry.width * ratio), Math.round(geometry.height * ratio)];
    const content = {
      geometry,
      matrix,
      shades,
      scale,
      hatch,
      pin,
      cellText,
      rowNote,
      columnNumber,
      selectedLayer: selected.layer,
    };
    const asked = { element, ratio, theme, ...content };
    // A map that is shown again keeps its picture.
    if (shallow(painted.current, asked)) return undefined;
    painted.current = null;
    // Setting a size clears the canvas, even to the same one.
    if (element.width !== wide) element.width = wide;
    if (element.height !== high) element.height = high;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const picture: HeatmapPicture = { ...content, ...themeInks() };
    const from = drawn.current;
    drawn.current = { hatch, matrix };
    const isFading =
      from.hatch !== hatch &&
      from.matrix === matrix &&
      layers * experts <= FADING_CELLS &&
      !window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (!isFading) {
      paintHeatmap(context, picture);
      painted.current = asked;
      return undefined;
    }
    const startedAt = performance.now();
    let frameId = 0;
    const paint = (now: number): void => {
      const progress = Math.min(1, Math.max(0.25, (now - startedAt) / FADE_MS));
      paintHeatmap(context, progress < 1 ? { ...picture, fading: { from: from.hatch, progress } } : picture);
      if (progress < 1) frameId = requestAnimationFrame(paint);
      else painted.current = asked;
    };
    paint(startedAt);
    return () => cancelAnimationFrame(frameId);
  }, [
    geometry,
    matrix,
    shades,
    scale,
    hatch,
    pin,
    cellText,
    rowNote,
    columnNumber,
    selected.layer,
    theme,
    width,
    layers,
    experts,
  ]);

  const described = hovered ?? (walking && isShown(geometry, cursor) ? cursor : null);
  const zoom = (factor: number, about: Cell): void => chooseWindow(zoomed(shownWindow, factor, about, size));
  const box = (cell: Cell) => {
    const { x, y } = cellOrigin(geometry, cell);
    return {
      left: x - 2,
      top: y - 2,
      width: Math.max(2, geometry.cellWidth - geometry.gap) + 4,
      height: Math.max(2, geometry.cellHeight - geometry.gap) + 4,
    };
  };
  const areaBox = ({ from, to }: { readonly from: Cell; readonly to: Cell }) => {
    const [one, other] = [box(from), box(to)];
    const [left, top] = [Math.min(one.left, other.left), Math.min(one.top, other.top)];
    return {
      left,
      top,
      width: Math.max(one.left + one.width, other.left + other.width) - left,
      height: Math.max(one.top + one.height, other.top + other.height) - top,
    };
  };
  useEffect(() => {
    const element = map.current;
    if (element === null) return;
    // React's listeners are passive, so they cannot prevent the page from zooming or scrolling.
    const onWheel = (event: WheelEvent): void => {
      const isZoom = event.ctrlKey || event.metaKey;
      if (!isZoom && !event.shiftKey) return;
      event.preventDefault();
      const { left, top } = element.getBoundingClientRect();
      const about = cellAt(geometry, event.clientX - left, event.clientY - top);
      const turn = Math.sign(event.deltaY || event.deltaX);
      if (about === null || turn === 0) return;
      if (isZoom) chooseWindow(zoomed(geometry.shown, turn > 0 ? 1.25 : 0.8, about, size));
      else
        chooseWindow(
          panned(
            geometry.shown,
            { layers: 0, experts: turn * Math.max(1, Math.round(WHEEL_STEP * geometry.shown.experts)) },
            size,
          ),
        );
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [geometry, size]);

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
        ref={map}
        className={`heatmap${part}`}
        role="application"
        aria-roledescription="heatmap"
        aria-label={label}
        aria-describedby={helpId}
        tabIndex={0}
        style={{ width: geometry.width, height: geometry.height }}
        onFocus={(event) => setWalking(event.currentTarget.matches(':focus-visible'))}
        onBlur={() => setWalking(false)}
        onKeyDown={(event) => {
          if (event.ctrlKey || event.metaKey || event.altKey) return;
          if (event.key === 'Escape') {
            setHovered(null);
            setWalking(false);
            onArea?.(null);
            return;
          }
          const factor = zoomKeys[event.key];
          if (factor !== undefined) {
            event.preventDefault();
            if (factor === null) chooseWindow(null);
            else zoom(factor, cursor);
            return;
          }
          const next = movedCell(cursor, event.key, layers, experts);
          if (next === null) return;
          event.preventDefault();
          setHovered(null);
          setWalking(true);
          if (event.shiftKey && onArea !== undefined) {
            const end = movedCell(area?.to ?? cursor, event.key, layers, experts);
            if (end !== null) onArea({ from: area?.from ?? cursor, to: end });
            return;
          }
          const target = selected.expert === null ? cursor : next;
          if (!isWhole(shownWindow, size)) chooseWindow(revealing(shownWindow, target, size));
          onSelect(target);
        }}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          const isArea = onArea !== undefined && (event.shiftKey || isWhole(shownWindow, size));
          const cell = isArea ? cellUnder(event) : null;
          if (cell === null && isWhole(shownWindow, size)) return;
          setDrag({ x: event.clientX, y: event.clientY, from: shownWindow, cell, isMoving: false });
        }}
        onPointerMove={(event) => {
          setWalking(false);
          if (drag !== null) {
            const [across, down] = [event.clientX - drag.x, event.clientY - drag.y];
            if (!drag.isMoving && Math.hypot(across, down) < DRAG_PX) return;
            if (!drag.isMoving) {
              event.currentTarget.setPointerCapture(event.pointerId);
              setDrag({ ...drag, isMoving: true });
              setHovered(null);
            }
            if (drag.cell === null) chooseWindow(panned(drag.from, draggedBy(geometry, across, down), size));
            else onArea?.({ from: drag.cell, to: cellUnder(event) ?? area?.to ?? drag.cell });
            return;
          }
          const cell = cellUnder(event);
          setHovered((known) => (known?.layer === cell?.layer && known?.expert === cell?.expert ? known : cell));
        }}
        onPointerLeave={() => {
          setHovered(null);
          setWalking(false);
        }}
        onPointerCancel={() => {
          setDrag(null);
          setHovered(null);
          setWalking(false);
        }}
        onClick={(event) => {
          // A click ends a drag too, and then selects nothing.
          const wasMoving = drag?.isMoving === true;
          setDrag(null);
          const cell = cellUnder(event);
          if (cell !== null && !wasMoving) onSelect(cell);
        }}
        onContextMenu={(event) => {
          setDrag(null);
          setHovered(null);
          // The menu key reports no place on a cell.
          const cell = event.button === 2 ? cellUnder(event) : cursor;
          if (cell !== null) onMenu?.(cell, event);
        }}
      >
        <canvas ref={canvas} aria-hidden="true" style={{ width: geometry.width, height: geometry.height }} />
        {selected.layer !== null && selected.expert !== null && layers > 0 && isShown(geometry, cursor) && (
          <div className="heatmap-selected" style={box(cursor)} />
        )}
        {area !== null && <div className="heatmap-area" style={areaBox(area)} />}
        {isFull && hovered !== null && (
          <>
            <div className="heatmap-cross" style={{ ...box(hovered), left: 0, width: geometry.width }} />
            <div className="heatmap-cross" style={{ ...box(hovered), top: 0, height: geometry.height }} />
          </>
        )}
        {hovered !== null && <div className="heatmap-hovered" style={box(hovered)} />}
        {described !== null && layers > 0 && <HeatmapTip {...describe(described)} cell={box(described)} />}
      </div>
      <MapTools
        shown={shownWindow}
        whole={isWhole(shownWindow, size)}
        bins={[geometry.layerBin, geometry.expertBin]}
        orderWords={props.orderWords}
        onZoom={(factor) => zoom(factor, selected.expert === null ? middleOf(shownWindow) : cursor)}
        onFit={() => chooseWindow(null)}
        legend={props.legend}
      />
      <p id={helpId} className="visually-hidden">
        Arrow keys move between layers (up, down) and experts (left, right); Home and End go to the ends of a layer;
        plus and minus zoom, 0 shows the whole map; a map that is zoomed in can be dragged. Shift with arrow keys draws
        an area, as does dragging over the whole map.
      </p>
      <p className="visually-hidden" aria-live="polite">
        {walking && layers > 0 ? words(cursor) : ''}
      </p>
    </div>
  );
});
Heatmap.displayName = 'Heatmap';

interface MapToolsProps {
  readonly shown: MapWindow;
  readonly whole: boolean;
  /** Layers and experts combined into one mark. */
  readonly bins: readonly [number, number];
  readonly orderWords?: string | undefined;
  readonly onZoom: (factor: number) => void;
  readonly onFit: () => void;
  readonly legend: ReactNode;
}

/** Positions count from 1, experts from 0. */
const columnText = (column: number, orderWords: string | undefined): string =>
  String(orderWords === undefined ? column : column + 1);

/** Zoom buttons, and text saying which part is visible and how many cells one mark combines. */
const MapTools = ({ shown, whole, bins, orderWords, onZoom, onFit, legend }: MapToolsProps) => {
  const [layerBin, expertBin] = bins;
  const cells = [layerBin > 1 ? `${layerBin} layers` : '', expertBin > 1 ? `${expertBin} experts` : ''];
  return (
    <div className="map-tools">
      <span className="map-zoom">
        <IconButton icon="plus" label="Zoom into the map (Ctrl and wheel, or +)" onClick={() => onZoom(0.5)} />
        <IconButton icon="minus" label="Zoom out of the map (−)" disabled={whole} onClick={() => onZoom(2)} />
        <IconButton icon="fit" label="Show the whole map (0)" disabled={whole} onClick={onFit} />
      </span>
      {legend}
      <span className="muted">
        {[
          whole
            ? ''
            : `layers ${shown.firstLayer}–${shown.firstLayer + shown.layers - 1}, ` +
              `${orderWords === undefined ? 'experts' : 'positions'} ${columnText(shown.firstExpert, orderWords)}–` +
              columnText(shown.firstExpert + shown.experts - 1, orderWords),
          layerBin * expertBin > 1
            ? `each mark: the strongest of ${cells.filter((text) => text !== '').join(' × ')}, ` +
              'its pale part the share pruned'
            : '',
          orderWords === undefined ? '' : `each layer ${orderWords}; numbers above: position, not expert`,
        ]
          .filter((text) => text !== '')
          .join('; ')}
      </span>
    </div>
  );
};

interface HeatmapTipProps {
  readonly title: string;
  readonly lines: readonly string[];
  /** In the frame of the map. */
  readonly cell: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
}

const TIP_WIDTH = 216;

/** The numbers of a cell: below it, or above it where the window ends; in the top layer, so that nothing cuts it. */
const HeatmapTip = ({ title, lines, cell: { left, top, height } }: HeatmapTipProps) => {
  const tip = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ left: 0, top: 0 });
  useLayoutEffect(() => {
    const put = (): void => {
      const frame = tip.current?.parentElement?.getBoundingClientRect();
      if (tip.current === null || frame === undefined) return;
      openPopover(tip.current);
      const anchor = { left: frame.left + left, top: frame.top + top, bottom: frame.top + top + height };
      setPlace(placeBelow(anchor, tip.current.getBoundingClientRect()));
    };
    put();
    window.addEventListener('scroll', put, true);
    return () => window.removeEventListener('scroll', put, true);
  }, [left, top, height, title]);
  return (
    <div ref={tip} popover="manual" className="chart-tip" style={{ ...place, width: TIP_WIDTH }}>
      <TipText title={title} lines={lines} />
    </div>
  );
};

interface MiniHeatmapProps {
  readonly matrix: CellMatrix;
  readonly scale: ColorScale;
  /** CSS pixels. */
  readonly height: number;
}

/** A thumbnail of a heatmap: one canvas pixel per cell, stretched. Hidden from screen readers. */
export const MiniHeatmap = memo(({ matrix, scale, height }: MiniHeatmapProps) => {
  const canvas = useRef<HTMLCanvasElement>(null);
  const painted = useRef<Readonly<Record<string, unknown>> | null>(null);
  const theme = useResolvedTheme();
  useLayoutEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (element === null || context === null || context === undefined) return;
    const asked = { element, matrix, scale, theme };
    // A map that is shown again keeps its picture.
    if (shallow(painted.current, asked)) return;
    painted.current = asked;
    element.width = matrix[0]?.length ?? 1;
    element.height = Math.max(1, matrix.length);
    const { absent } = themeInks();
    matrix.forEach((row, layer) =>
      row.forEach((value, expert) => {
        context.fillStyle = value === null ? absent : scale.color(value);
        context.fillRect(expert, layer, 1, 1);
      }),
    );
  }, [matrix, scale, theme]);
  return <canvas ref={canvas} className="mini-heatmap" style={{ height }} aria-hidden="true" />;
});
MiniHeatmap.displayName = 'MiniHeatmap';
