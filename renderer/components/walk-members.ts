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

const cellSteps: Readonly<Record<string, readonly [line: number, column: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** Arrow keys move between the cells of a matrix (`data-line`, `data-column`), skipping empty ones. */
export const walkCells = (event: KeyboardEvent<HTMLElement>): void => {
  const step = cellSteps[event.key];
  const from = event.target;
  if (step === undefined || !(from instanceof HTMLElement) || from.dataset['line'] === undefined) return;
  event.preventDefault();
  const cells = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-line]')];
  const positionOf = (cell: HTMLElement): readonly [number, number] => [
    Number(cell.dataset['line']),
    Number(cell.dataset['column']),
  ];
  const [line, column] = positionOf(from);
  const ahead = (cell: HTMLElement): number => {
    const [otherLine, otherColumn] = positionOf(cell);
    return step[0] === 0
      ? otherLine === line
        ? (otherColumn - column) * step[1]
        : 0
      : otherColumn === column
        ? (otherLine - line) * step[0]
        : 0;
  };
  const next = cells.filter((cell) => ahead(cell) > 0).sort((left, right) => ahead(left) - ahead(right))[0];
  next?.focus();
};
