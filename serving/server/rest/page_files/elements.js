// Elements of HTML and SVG, made of attributes and children; texts are never read as markup.

export const element = (tag, attributes = {}, children = []) => fill(document.createElement(tag), attributes, children);

export const drawing = (tag, attributes = {}, children = []) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
