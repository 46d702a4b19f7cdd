// Numbers as people read them, as labline writes them elsewhere: thousands apart, no exponents, and as many digits as tell neighbours apart.

const DIGITS = 4, MOST_DIGITS = 7, LARGEST = 1e15, SMALLEST = 1e-6;

const outside = (size) => size !== 0 && !(size >= SMALLEST && size < LARGEST);
const decimalsFor = (size, digits) => (size ? Math.max(0, digits - 1 - Math.floor(Math.log10(size))) : 0);

function write(value, decimals) {
  if (!Number.isFinite(value) || Math.abs(value) >= LARGEST) return String(value);
  const text = value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  if (value && !/[1-9]/.test(text)) return outside(Math.abs(value)) ? value.toPrecision(3) : value.toFixed(Math.min(decimalsFor(Math.abs(value), 3), 20));
  return value === 0 ? text.replace("-", "") : text;
}

// A single number: 12,346; 103.5; 0.000123.
export function writeFigure(value, digits = DIGITS) {
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value) || outside(Math.abs(value))) return value.toPrecision(DIGITS);
  const text = write(value, decimalsFor(Math.abs(value), digits));
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

// Rows of figures of one kind, such as forecasts and their bounds: neighbours in row and column differ.
export function writeTable(rows) {
  const finite = rows.flat().filter(Number.isFinite).map(Math.abs);
  const most = Math.max(0, ...finite);
  if (outside(most)) return rows.map((row) => row.map((value) => (Number.isFinite(value) ? value.toPrecision(DIGITS) : String(value))));
  let decimals = 0;
  if (!finite.every(Number.isInteger)) {
    const last = decimalsFor(most, MOST_DIGITS);
    const pairs = rows.flatMap((row, place) => row.flatMap((value, column) => [[value, row[column + 1]], [value, rows[place + 1]?.[column]]]))
      .filter(([one, two]) => two !== undefined && one !== two);
    decimals = decimalsFor(most, DIGITS);
    while (decimals < last && pairs.some(([one, two]) => write(one, decimals) === write(two, decimals))) decimals++;
    while (decimals && finite.every((value) => Number(value.toFixed(decimals - 1)) === value)) decimals--;
  }
  return rows.map((row) => row.map((value) => write(value, decimals)));
}
