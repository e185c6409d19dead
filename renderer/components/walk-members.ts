import type { KeyboardEvent } from 'react';

const steps = {
  row: { forth: 'ArrowRight', back: 'ArrowLeft' },
  column: { forth: 'ArrowDown', back: 'ArrowUp' },
} as const;

/**
 * Moves the focus by arrow keys, Home and End among the members (`data-member`) of a bar chart or table. The group is
 * one tab stop: the member with `tabIndex` 0.
 */
export const walkMembers =
  (along: keyof typeof steps) =>
  (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const members = [...event.currentTarget.querySelectorAll<HTMLElement | SVGElement>('[data-member]')];
    const at = members.findIndex((member) => member === document.activeElement);
    if (at < 0) return;
    const { forth, back } = steps[along];
    const index = { [forth]: at + 1, [back]: at - 1, Home: 0, End: members.length - 1 }[event.key];
    const next = index === undefined ? undefined : members[index];
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
  };
