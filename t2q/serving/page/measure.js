// How wide a text is, in pixels, in the page's own type.

const canvas = document.createElement("canvas").getContext("2d");

export function width(text, size, weight = 400) {
  canvas.font = `${weight} ${size}px ${getComputedStyle(document.body).fontFamily}`;
  return canvas.measureText(text).width;
}
