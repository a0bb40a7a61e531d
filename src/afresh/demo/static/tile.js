// A picture for a product that has none: quiet shapes in its department's hue.

const SVG = "http://www.w3.org/2000/svg";

const HUES = {
  Grocery: 75, Produce: 140, Bakery: 55, Deli: 30, Meat: 15, "Packed meat": 5, Seafood: 220,
  "Packed seafood": 205, "Drugstore and home": 265, Cosmetics: 340, Nutrition: 165, Floral: 320,
  Spirits: 290, "Salad bar": 120, "Frozen grocery": 235, Restaurant: 40, "Garden center": 130,
};

// A number from 0 to 2^32 that depends on the text only (FNV-1a, mixed).
export function hash(text) {
  let h = 0x811c9dc5;
  for (const c of text) h = Math.imul(h ^ c.codePointAt(0), 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}

// The department's hue, up to 28 degrees aside for the category.
export function hue({ department = "", category = "" }) {
  const base = HUES[department] ?? hash(department) % 360;
  return base + (hash(category) % 57) - 28;
}

function shape(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

// Two letters: of two words of the title's first part, or of its one word.
function monogram(title) {
  const words = title.split(",")[0].match(/[\p{L}\p{N}]+/gu) ?? ["?"];
  const letters = words.length > 1 ? words[0][0] + words[1][0] : words[0].slice(0, 2);
  return letters[0].toUpperCase() + letters.slice(1).toLowerCase();
}

export function tile(id, item) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 160 100");
  svg.setAttribute("preserveAspectRatio", "xMidYMid slice");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("tile");
  const form = hash(item.category ?? "") % 4;
  let seed = hash(id);
  const next = (low, high) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.round(low + ((high - low) * seed) / 2 ** 32);
  };
  const x = next(95, 135);
  const y = next(30, 70);
  if (form === 0) {
    shape("circle", { class: "a", cx: x, cy: y, r: next(38, 52) }, svg);
    shape("circle", { class: "b", cx: x + next(-30, 20), cy: y + next(-24, 24), r: next(12, 20) }, svg);
  } else if (form === 1) {
    const turn = `rotate(${next(15, 60)} ${x} ${y})`;
    shape("rect", { class: "a", x: x - 45, y: y - 45, width: 90, height: 90, rx: 26, transform: turn }, svg);
    shape("rect", { class: "b", x: x - 5, y: y - 22, width: 34, height: 34, rx: 10, transform: turn }, svg);
  } else if (form === 2) {
    const dip = next(45, 70);
    shape("path", { class: "a", d: `M0 ${dip} Q40 ${dip - 30} 80 ${dip} T160 ${dip - 8} V100 H0Z` }, svg);
    shape("path", { class: "b", d: `M0 ${dip + 22} Q50 ${dip} 95 ${dip + 18} T160 ${dip + 10} V100 H0Z` }, svg);
  } else {
    const turn = `rotate(${next(-60, 60)} ${x} ${y})`;
    shape("path", { class: "a", d: `M${x} ${y - 48} A48 48 0 0 1 ${x} ${y + 48}Z`, transform: turn }, svg);
    shape("path", { class: "b", d: `M${x} ${y - 26} A26 26 0 0 0 ${x} ${y + 26}Z`, transform: turn }, svg);
  }
  shape("circle", { class: "c", cx: x - 14, cy: y, r: next(56, 74) }, svg);
  shape("text", { x: 14, y: 86 }, svg).textContent = monogram(item.title);
  return svg;
}
