const steps: Readonly<Record<string, readonly [line: number, column: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** Arrow keys walk the cells of a matrix (`data-line`, `data-column`), passing over empty ones. */
export const moveInGrid = (event: React.KeyboardEvent<HTMLElement>): void => {
  const step = steps[event.key];
  const from = event.target;
  if (step === undefined || !(from instanceof HTMLElement) || from.dataset['line'] === undefined) return;
  event.preventDefault();
  const cells = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-line]')];
  const placeOf = (cell: HTMLElement): readonly [number, number] => [
    Number(cell.dataset['line']),
    Number(cell.dataset['column']),
  ];
  const [line, column] = placeOf(from);
  const ahead = (cell: HTMLElement): number => {
    const [otherLine, otherColumn] = placeOf(cell);
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
