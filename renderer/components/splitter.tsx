import { useRef } from 'react';

interface SplitterProps {
  readonly label: string;
  /** Width of the panel beside it, in pixels. */
  readonly width: number;
  readonly limits: { readonly minimum: number; readonly maximum: number };
  /** Side on which the panel is. */
  readonly panel: 'left' | 'right';
  readonly onResize: (width: number) => void;
}

const KEY_STEP_PX = 16;

/** The draggable edge of a side panel; arrow keys also move it. */
export const Splitter = ({ label, width, limits, panel, onResize }: SplitterProps) => {
  const start = useRef<{ readonly x: number; readonly width: number } | null>(null);
  const outward = panel === 'left' ? 1 : -1;
  return (
    <div
      className="splitter"
      role="separator"
      aria-orientation="vertical"
      aria-label={label}
      aria-valuenow={width}
      aria-valuemin={limits.minimum}
      aria-valuemax={limits.maximum}
      tabIndex={0}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        start.current = { x: event.clientX, width };
      }}
      onPointerMove={(event) => {
        if (start.current !== null) onResize(start.current.width + (event.clientX - start.current.x) * outward);
      }}
      onPointerUp={() => {
        start.current = null;
      }}
      onKeyDown={(event) => {
        if (event.key === 'ArrowRight') onResize(width + KEY_STEP_PX * outward);
        if (event.key === 'ArrowLeft') onResize(width - KEY_STEP_PX * outward);
      }}
    />
  );
};

interface ShareSplitterProps {
  readonly label: string;
  /** Share of the element above it in the height of the elements above and below; between 0 and 1. */
  readonly share: number;
  readonly onShare: (share: number) => void;
}

const KEY_STEP_SHARE = 0.05;

/** The draggable edge between two lists, one above the other; arrow keys also move it. */
export const ShareSplitter = ({ label, share, onShare }: ShareSplitterProps) => {
  const start = useRef<{ readonly y: number; readonly above: number; readonly both: number } | null>(null);
  const heightOf = (element: Element | null): number => element?.getBoundingClientRect().height ?? 0;
  return (
    <div
      className="splitter splitter-across"
      role="separator"
      aria-orientation="horizontal"
      aria-label={label}
      aria-valuenow={Math.round(100 * share)}
      aria-valuemin={10}
      aria-valuemax={90}
      tabIndex={0}
      onPointerDown={(event) => {
        const { previousElementSibling, nextElementSibling } = event.currentTarget;
        event.currentTarget.setPointerCapture(event.pointerId);
        const above = heightOf(previousElementSibling);
        start.current = { y: event.clientY, above, both: above + heightOf(nextElementSibling) };
      }}
      onPointerMove={(event) => {
        const from = start.current;
        if (from !== null && from.both > 0) onShare((from.above + event.clientY - from.y) / from.both);
      }}
      onPointerUp={() => {
        start.current = null;
      }}
      onKeyDown={(event) => {
        if (event.key === 'ArrowDown') onShare(share + KEY_STEP_SHARE);
        if (event.key === 'ArrowUp') onShare(share - KEY_STEP_SHARE);
      }}
    />
  );
};
