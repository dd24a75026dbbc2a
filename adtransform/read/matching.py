"""`match`: a chain of conditions, each pattern a test of the subject and the names it binds."""

from __future__ import annotations

import ast
from collections.abc import Callable

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import SHAPE, Array, Scalar, Static, is_number
from adtransform.read.branches import void
from adtransform.read.either import Either
from adtransform.read.frames import FALSE, TRUE
from adtransform.read.natives import BUILTINS
from adtransform.read.refs import (
    ClassRef,
    DictRef,
    Entries,
    External,
    ListRef,
    MaybeRef,
    ObjectRef,
    Ref,
    TupleRef,
    View,
    present,
)

Test = Callable[[], Atom]

_TAKING_APART = (ast.MatchSequence, ast.MatchMapping, ast.MatchClass)


class Matching(Either):
    """Reading `match`."""

    def match(self, stmt: ast.Match, rest: list[ast.stmt]) -> bool:
        """`match`; gives whether the rest of the block was read into one of the cases."""
        (subject,) = self.off_their_lists([self.expression(stmt.subject)])
        return self.matched(stmt, subject, rest)

    def matched(self, stmt: ast.Match, subject: Ref, rest: list[ast.stmt]) -> bool:
        """A `match` of what is known by now."""
        if (held := self.one_of_two(subject)) is not None:
            return self.fork(held.cond, *self.sides(held, lambda one: void(self.matched(stmt, one, []))), rest, stmt)
        name = self.hide(subject)
        try:
            return self.cases(stmt, name, 0, rest)
        finally:
            self.frame.env.pop(name, None)

    def cases(self, stmt: ast.Match, subject: str, position: int, rest: list[ast.stmt]) -> bool:
        """The cases from `position` on."""
        if position == len(stmt.cases):
            return False
        case = stmt.cases[position]
        node = case.pattern

        def capture() -> None:
            self.capture_names(node, self.frame.env[subject])

        def guarded() -> Ref:
            capture()
            assert case.guard is not None
            return self.tested(case.guard)

        def body() -> None:
            capture()
            self.block(case.body)

        def otherwise() -> None:
            self.cases(stmt, subject, position + 1, [])

        self.place = self.origin(stmt)
        test = self.matches(node, self.frame.env[subject])
        if case.guard is not None:
            test = self.truth(self.choose(test, guarded, lambda: FALSE, case.guard), case.guard)
        return self.fork(test, body, otherwise, rest, stmt)

    def both(self, tests: list[Test], node: ast.AST) -> Atom:
        """Whether all tests hold, each made only where those before it do."""
        if not tests:
            return TRUE
        first = tests[0]()
        if len(tests) == 1:
            return first
        return self.truth(self.choose(first, lambda: self.both(tests[1:], node), lambda: FALSE, node), node)

    def matches(self, pattern: ast.pattern, subject: Ref) -> Atom:
        """Whether a pattern matches."""
        if isinstance(subject, MaybeRef) and isinstance(pattern, _TAKING_APART):
            return self.both([lambda: subject.there, lambda: self.matches(pattern, subject.ref)], pattern)
        match pattern:
            case ast.MatchValue(value=value):
                wanted = self.expression(value)
                if isinstance(subject, (TupleRef, ListRef, DictRef)):
                    return FALSE
                return self.truth(self.compared("operator.eq", subject, wanted, pattern), pattern)
            case ast.MatchSingleton(value=value):
                return self.truth(self.compared("operator.is_", subject, Const(value), pattern), pattern)
            case ast.MatchAs(pattern=None) | ast.MatchStar():
                return TRUE
            case ast.MatchAs(pattern=ast.pattern() as inner):
                return self.matches(inner, subject)
            case ast.MatchOr(patterns=patterns):
                return self.any_of(patterns, subject)
            case ast.MatchSequence(patterns=patterns):
                return self.sequence(patterns, subject, pattern)
            case ast.MatchMapping(keys=keys, patterns=patterns):
                content = self.content(subject.storage) if isinstance(subject, DictRef) else None
                if not isinstance(content, Entries):
                    return FALSE
                wanted_keys = [self.key(k) for k in keys]
                if any(k not in content.refs for k in wanted_keys):
                    return FALSE
                pairs = list(zip(patterns, wanted_keys, strict=True))
                return self.both([lambda p=p, k=k: self.matches(p, content.refs[k]) for p, k in pairs], pattern)  # type: ignore[misc]
            case ast.MatchClass(cls=cls, patterns=patterns):
                kind = self.expression(cls)
                if isinstance(kind, ClassRef):
                    return self.instance(kind, pattern, subject)
                self_matching = len(patterns) <= 1 and not pattern.kwd_attrs
                if self_matching and isinstance(kind, External) and kind.live in _SELF_MATCHING:
                    found = BUILTINS["builtins.isinstance"](self, [subject, kind], {}, pattern)
                    assert found is not None
                    tests: list[Test] = [lambda: self.truth(found, pattern)]
                    return self.both([*tests, *(lambda p=p: self.matches(p, subject) for p in patterns)], pattern)
        self.refuse(pattern, "a pattern of this class", "test with isinstance, and read the attributes")

    def instance(self, kind: ClassRef, pattern: ast.MatchClass, subject: Ref) -> Atom:
        """Whether something is an object of a class of which the attributes match."""
        if BUILTINS["builtins.isinstance"](self, [subject, kind], {}, pattern) != TRUE:
            return FALSE
        assert isinstance(subject, (ObjectRef, TupleRef))
        named = self.attribute_patterns(kind, pattern)
        if not all(self.has_attribute(subject, name, pattern) for name, _ in named):
            return FALSE
        found = [(self.bound(subject, name, pattern), p) for name, p in named]
        return self.both([lambda ref=ref, p=p: self.matches(p, ref) for ref, p in found], pattern)  # type: ignore[misc]

    def attribute_patterns(self, kind: ClassRef, pattern: ast.MatchClass) -> list[tuple[str, ast.pattern]]:
        """The patterns for an object with the names of the attributes that they are for."""
        names = self.match_args(kind, pattern) if pattern.patterns else ()
        if len(names) < len(pattern.patterns):
            help = f"`{kind.name}` takes {len(names)} patterns by position: name the attributes, {kind.name}(name=...)"
            self.refuse(pattern, "this pattern", help)
        named = zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True)
        return [*zip(names, pattern.patterns, strict=False), *named]

    def match_args(self, kind: ClassRef, node: ast.AST) -> tuple[str, ...]:
        """The attributes that stand for patterns by position: `__match_args__`."""
        if kind.live is not None:
            return tuple(getattr(kind.live, "__match_args__", ()))
        member = self.class_member(kind.order, "__match_args__", node)
        if member is not None:
            return tuple(str(item.value) for item in self.known_items(member.ref) or () if isinstance(item, Const))
        if kind.is_tuple or any(self.dataclass_options(c) is not None for c in kind.order if c.node is not None):
            return tuple(f.name for f in self.fields(kind, node) if f.init and not f.keyword)
        return ()

    def any_of(self, patterns: list[ast.pattern], subject: Ref) -> Atom:
        """Whether one of several patterns matches."""
        first = self.matches(patterns[0], subject)
        if len(patterns) == 1:
            return first
        node = patterns[0]
        found = self.choose(first, lambda: TRUE, lambda: self.any_of(patterns[1:], subject), node)
        return self.truth(found, node)

    def sequence(self, patterns: list[ast.pattern], subject: Ref, node: ast.AST) -> Atom:
        """Whether a sequence has as many items as a pattern, and they match."""
        least = sum(not isinstance(p, ast.MatchStar) for p in patterns)
        open_ended = least < len(patterns)
        if self.is_no_sequence(subject, node):
            return FALSE
        size = self.length(subject, node)
        if isinstance(size, Const):
            if size.value < least or (size.value > least and not open_ended):
                return FALSE
            fits: Atom = TRUE
        else:
            fits = self.let("operator.ge" if open_ended else "operator.eq", size, Const(least))
        inner = [(p, i) for i, p in enumerate(patterns) if not isinstance(p, ast.MatchStar)]
        tests: list[Test] = [lambda: fits]
        for p, i in inner:
            tests.append(lambda p=p, i=i: self.matches(p, self.item_for(patterns, i, subject, node)))  # type: ignore[misc]
        return self.both(tests, node)

    def is_no_sequence(self, subject: Ref, node: ast.AST) -> bool:
        """Whether something is no tuple or list, so that a sequence pattern does not match it."""
        if isinstance(subject, (TupleRef, ListRef)):
            return False
        if not isinstance(subject, (Var, Const, View)):
            return True
        t = self.type_of(self.value(subject, node))
        if isinstance(subject, Const):
            return not isinstance(subject.value, tuple)
        if isinstance(t, (Array, Scalar)) or (isinstance(t, Static) and t != SHAPE):
            return True
        if is_number(t):
            self.refuse(node, "a sequence pattern for what may be a list or an array", "test its length and read its items")
        return False

    def item_for(self, patterns: list[ast.pattern], i: int, subject: Ref, node: ast.AST) -> Ref:
        """The item of a sequence, or the list of items, that stands where pattern `i` does."""
        star = next((k for k, p in enumerate(patterns) if isinstance(p, ast.MatchStar)), len(patterns))
        items = self.known_items(subject)
        behind = len(patterns) - i  # counted from the end
        if i == star:
            if items is None:
                self.refuse(node, "a starred pattern for a list of unknown length", "use slices: xs[1:]")
            return self.new_list(tuple(items[i : len(items) - behind + 1]))
        if items is not None:
            return items[i] if i < star else items[-behind]
        return self.indexed(subject, Const(i if i < star else -behind), node)

    def capture_names(self, pattern: ast.pattern, subject: Ref) -> None:
        """Bind what a pattern that matches binds."""
        if isinstance(pattern, _TAKING_APART):
            subject = present(subject)
        match pattern:
            case ast.MatchAs(pattern=inner, name=name):
                if inner is not None:
                    self.capture_names(inner, subject)
                if name is not None:
                    self.bind(name, subject, pattern)
            case ast.MatchSequence(patterns=patterns):
                for i, p in enumerate(patterns):
                    self.capture_names(p, self.item_for(patterns, i, subject, pattern))
            case ast.MatchStar(name=str(name)):
                self.bind(name, subject, pattern)
            case ast.MatchMapping(keys=keys, patterns=patterns, rest=rest):
                content = self.content(subject.storage) if isinstance(subject, DictRef) else None
                assert isinstance(content, Entries)
                known = [self.key(k) for k in keys]
                for key, p in zip(known, patterns, strict=True):
                    self.capture_names(p, content.refs[key])
                if rest is not None:
                    self.frame.env[rest] = self.new_dict({k: v for k, v in content.refs.items() if k not in known})
            case ast.MatchClass(cls=cls, patterns=patterns):
                kind = self.expression(cls)
                if isinstance(kind, ClassRef) and isinstance(subject, (ObjectRef, TupleRef)):
                    for name, p in self.attribute_patterns(kind, pattern):
                        self.capture_names(p, self.bound(subject, name, pattern))
                    return
                for p in patterns:
                    self.capture_names(p, subject)
            case ast.MatchOr(patterns=patterns):
                self.capture_one(patterns, subject, pattern)

    def capture_one(self, patterns: list[ast.pattern], subject: Ref, node: ast.AST) -> None:
        """Bind the names of the alternative that matches."""
        if not any(isinstance(n, (ast.MatchAs, ast.MatchStar)) and n.name for p in patterns for n in ast.walk(p)):
            return
        for p in patterns:
            test = self.matches(p, subject)
            if not isinstance(test, Const):
                self.refuse(node, "names bound by alternatives of a pattern", "write one `case` for each")
            if test.value:
                self.capture_names(p, subject)
                return


# Classes whose only positional sub-pattern is the object itself.
_SELF_MATCHING = (bool, int, float, str, bytes, list, tuple, dict)
