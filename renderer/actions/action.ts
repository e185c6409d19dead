import type { MenuAction } from '../../main/contract/shell.ts';
import type { Engine } from '../engine/engine-context.tsx';
import type { Facts } from '../engine/facts.ts';

/** Something a person can do. One file each; palette, keys, menu and buttons come from the same list. */
export interface Action {
  readonly id: string;
  readonly label: string;
  /** Other words that find it in the palette. */
  readonly keywords: readonly string[];
  readonly menu: MenuAction['menu'];
  /** `Mod+Shift+P`; Mod is Command on a Mac, else Control. */
  readonly shortcut?: string;
  readonly enabled: (facts: Facts) => boolean;
  readonly perform: (engine: Engine, facts: Facts) => void | Promise<void>;
}

export const always = (): boolean => true;
