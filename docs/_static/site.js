// What the theme and its extensions leave out for keyboards and screen readers.
document.addEventListener("DOMContentLoaded", () => {
  const name = (selector, text) => document.querySelectorAll(selector).forEach((node) => {
    node.setAttribute("aria-label", text(node));
  });
  name(".sidebar-drawer", () => "Site");
  name(".toc-drawer", () => "This page");
  name(".sphx-glr-thumbcontainer a", (node) => node.textContent); // its text is hidden by the style of the gallery
  document.querySelectorAll("[role=heading]:not([aria-level])").forEach((node) => node.setAttribute("aria-level", "2"));

  // What scrolls sideways must take the focus, and nothing else.
  const reach = () => document.querySelectorAll("pre, .table-wrapper, div.math").forEach((node) => {
    if (node.scrollWidth > node.clientWidth) node.tabIndex = 0;
    else node.removeAttribute("tabindex");
  });
  reach();
  window.addEventListener("load", reach);
  window.addEventListener("resize", reach);
});
