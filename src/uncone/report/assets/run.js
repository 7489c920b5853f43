/** Raw vectors beside those of the removal that is chosen. */
function drawChosen() {
  const { none, [byId("removal").value]: after } = DATA.calibrations;
  const pair = { none, ...(after ? { [byId("removal").value]: after } : {}) };
  drawPair(byId("cosines"), pair, (removal) => (removal === "none" ? "raw" : removal));
}

function start() {
  if (DATA.calibrations.none) {
    const removals = Object.keys(DATA.calibrations).filter((removal) => removal !== "none");
    offer(byId("removal"), removals.map((removal) => [removal, removal]), DATA.shown);
    byId("removal").closest(".controls").hidden = removals.length < 2;
    byId("removal").addEventListener("change", drawChosen);
    drawChosen();
    window.addEventListener("resize", drawChosen);
  }
  document.body.dataset.ready = "true";
}
