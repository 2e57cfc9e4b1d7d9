"""What a browser would read in a page."""

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "input"}


class Page(HTMLParser):
    """Text by section, elements with their attributes; checks that every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.sections, self._open, self._section = [], {}, [], "head"
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag == "section":
            self._section = dict(attributes)["id"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("style", "script"):
            self.sections[self._section] = self.sections.get(self._section, "") + data + " "

    def attributes(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]
