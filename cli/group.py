"""The words that lead to a command: groups that know the table, and import nothing but what runs."""

from __future__ import annotations

import click
from typer.core import TyperGroup

from .commands import COMMANDS, GROUPS, PREFIXES, children
from .page import COMMON, Context, Page

__all__ = ["Group"]

ABOUT = "Consent that its owner can prove, take back and keep."
TAKES = "Every command takes, after its name"


class Group(TyperGroup):
    """The commands behind `path`, which is empty for konsens itself."""

    context_class = Context

    def __init__(self, path: str = "") -> None:
        super().__init__(
            name=path.rpartition(" ")[2] or "konsens",
            help=PREFIXES.get(path, ABOUT),
            options_metavar=None,
            subcommand_metavar="COMMAND [OPTIONS] …",
            rich_markup_mode=None,
        )
        self.path = path

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the words that may follow, in the order of the table."""
        return list(children(self.path))

    def get_command(self, _: click.Context, word: str) -> click.Command | None:
        """Return the command or the group behind a word; here alone is a command's module imported."""
        path = f"{self.path} {word}".strip()
        if path in COMMANDS:
            from .load import runnable

            return runnable(path)
        return Group(path) if path in PREFIXES else None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            from konsens.errors import InputError

            click.echo(ctx.get_help(), err=True, color=ctx.color)
            raise InputError("usage.no_command", start=ctx.command_path)
        if args and args[0] in ctx.help_option_names:
            args = args[:1]  # what may follow is --lang, which is known
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first word names, or raise which one it might have meant."""
        word, *rest = args
        found = self.get_command(ctx, word)
        if found is None and not ctx.resilient_parsing:
            from difflib import get_close_matches

            from konsens.errors import InputError

            start = ctx.command_path
            for near in get_close_matches(word, children(self.path), n=1, cutoff=0.5):
                raise InputError("usage.did_you_mean", word=word, nearest=f"{start} {near}")
            raise InputError("usage.unknown_command", word=word, start=start)
        return word, found, rest

    def shell_complete(
        self, _: click.Context, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """Complete a word from the table, so that a key press imports no command."""
        return [
            click.shell_completion.CompletionItem(word, help=text)
            for word, text in children(self.path).items()
            if word.startswith(incomplete)
        ]

    def format_options(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the words that may follow; for konsens itself, by who needs them."""
        known = children(self.path)
        sections = {"Commands": known}
        if not self.path:
            sections = {
                title: {word: known[word] for word in dict.fromkeys(name.split()[0] for name in commands)}
                for title, commands in GROUPS.items()
            }
            sections[TAKES] = COMMON
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(list(rows.items()))

    def format_epilog(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """Say how to go on."""
        more = formatter.said("More") if isinstance(formatter, Page) else ""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(f"{more}: {' '.join(['konsens', *self.path.split(), 'COMMAND --help'])}")
