import type { ComponentProps } from 'react';
import { type Engine, useRequest } from '../engine/engine-context.tsx';

/** Line icons on a 16 x 16 grid, in the text's colour. */
const paths = {
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  fit: 'M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10',
  close: 'M4 4l8 8M12 4l-8 8',
  chevronDown: 'M4 6l4 4 4-4',
  chevronLeft: 'M10 4l-4 4 4 4',
  chevronRight: 'M6 4l4 4-4 4',
  up: 'M8 13V3M4 7l4-4 4 4',
  folder: 'M2 4.5a1 1 0 0 1 1-1h3.2l1.5 1.6H13a1 1 0 0 1 1 1V12a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1z',
  model: 'M8 2l5.5 3v6L8 14l-5.5-3V5zM2.5 5L8 8l5.5-3M8 8v6',
  task: 'M3 3.5h10M3 8h10M3 12.5h6',
  file: 'M4 2h5l3 3v9H4zM9 2v3h3',
  eye: 'M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4z',
  play: 'M5 3.5v9l7-4.5z',
  stop: 'M4.5 4.5h7v7h-7z',
  undo: 'M5.5 3L2.5 6l3 3M2.5 6H10a3.5 3.5 0 0 1 0 7H6',
  redo: 'M10.5 3l3 3-3 3M13.5 6H6a3.5 3.5 0 0 0 0 7h4',
  resume: 'M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3',
  trash: 'M3 4.5h10M6 4.5V3h4v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5',
  table: 'M2.5 3h11v10h-11zM2.5 6.3h11M2.5 9.6h11M6.5 6.3V13',
  chart: 'M2.5 13.5V2.5M2.5 13.5h11M5 10l2.5-3.5L10 8.5l3-4.5',
  split: 'M2.5 8h3.5l4-4.5h3.5M6 8l4 4.5h3.5M11.5 1.5l2 2-2 2M11.5 10.5l2 2-2 2',
  save: 'M8 2.5v7.5M5 7.2L8 10l3-2.8M3 12.8h10',
  sidebar: 'M2 3h12v10H2zM6 3v10',
  inspector: 'M2 3h12v10H2zM10 3v10',
  warning: 'M8 2.2L14.3 13H1.7zM8 6.3v3.2M8 11.3v.2',
  check: 'M3.2 8.4l3.2 3.2 6.4-7',
  info: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 7.4v3.6M8 5v.2',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  handle: 'M3 5.5h10M3 8h10M3 10.5h10',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7L14 14',
  expand: 'M9.5 2.5h4v4M13.5 2.5L9 7M6.5 13.5h-4v-4M2.5 13.5L7 9',
  pin: 'M5.5 2.5h5M6.5 2.5v4L4 9.5h8L9.5 6.5v-4M8 9.5v4',
  copy: 'M6 6h7.5v7.5H6zM3.5 10H2.5V2.5H10v1',
  sun:
    'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.8M8 13.2V15M1 8h1.8M13.2 8H15M3 3l1.3 1.3M11.7 11.7L13 13M3 ' +
    '13l1.3-1.3M11.7 4.3L13 3',
} as const;

export type IconName = keyof typeof paths;

export const Icon = ({ name, size = 14 }: { readonly name: IconName; readonly size?: number }) => (
  <svg
    className="icon"
    width={size}
    height={size}
    viewBox="0 0 16 16"
    fill="none"
    stroke="currentColor"
    strokeWidth={1.4}
    strokeLinecap="round"
    strokeLinejoin="round"
    aria-hidden="true"
  >
    <path d={paths[name]} />
  </svg>
);

interface ButtonProps extends ComponentProps<'button'> {
  readonly look?: 'plain' | 'primary' | 'quiet';
  readonly small?: boolean;
  readonly icon?: IconName;
}

export const Button = ({ look = 'plain', small = false, icon, className = '', children, ...rest }: ButtonProps) => (
  <button type="button" className={`button button-${look}${small ? ' button-small' : ''} ${className}`} {...rest}>
    {icon !== undefined && <Icon name={icon} />}
    {children}
  </button>
);

interface RequestButtonProps extends Omit<ButtonProps, 'onClick'> {
  /** The work of a click: the button rests until it ends; an error becomes a notice. */
  readonly ask: (engine: Engine, signal: AbortSignal) => Promise<unknown>;
}

/** A button whose click asks the engine or the host for something. */
export const RequestButton = ({ ask, disabled = false, ...rest }: RequestButtonProps) => {
  const { busy, start } = useRequest();
  return <Button {...rest} disabled={busy || disabled} onClick={() => start(ask)} />;
};

interface IconButtonProps extends Omit<ComponentProps<'button'>, 'aria-label' | 'children'> {
  readonly icon: IconName;
  /** Accessible name, also shown on hover. */
  readonly label: string;
}

export const IconButton = ({ icon, label, className = '', ...rest }: IconButtonProps) => (
  <button type="button" className={`icon-button ${className}`} aria-label={label} title={label} {...rest}>
    <Icon name={icon} />
  </button>
);

interface RowButtonProps extends ComponentProps<'button'> {
  readonly icon?: IconName;
  readonly name: string;
  readonly note: string;
  /** Whether a long note takes several lines. */
  readonly wraps?: boolean;
}

/** The button of a list row: a name with a note under it. */
export const RowButton = ({ icon, name, note, wraps = false, ...rest }: RowButtonProps) => (
  <button type="button" className="row-main" {...rest}>
    {icon !== undefined && <Icon name={icon} />}
    <span className="row-text">
      <span className="row-title ellipsis">{name}</span>
      <span className={wraps ? 'row-note' : 'row-note ellipsis'}>{note}</span>
    </span>
  </button>
);
