import { useRef } from 'react';

interface SplitterProps {
  readonly label: string;
  /** Width of the panel beside it, in pixels. */
  readonly width: number;
  readonly minimum: number;
  readonly maximum: number;
  /** Side on which the panel is. */
  readonly panel: 'left' | 'right';
  readonly onResize: (width: number) => void;
}

const KEY_STEP_PX = 16;

/** The draggable edge of a side panel; arrow keys also move it. */
export const Splitter = ({ label, width, minimum, maximum, panel, onResize }: SplitterProps) => {
  const start = useRef<{ readonly x: number; readonly width: number } | null>(null);
  const outward = panel === 'left' ? 1 : -1;
  return (
    <div
      className="splitter"
      role="separator"
      aria-orientation="vertical"
      aria-label={label}
      aria-valuenow={width}
      aria-valuemin={minimum}
      aria-valuemax={maximum}
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
