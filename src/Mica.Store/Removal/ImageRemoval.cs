using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// Removes names and images by docker's rules. By name: the name goes, and with the last one the image. By ID: the image goes
/// with all its names, if they are of one repository or it is forced. What a container uses stays.
/// </summary>
internal sealed class ImageRemoval(Database database, StoreOptions options)
{
    private readonly List<RemovalEntry> _entries = [];
    private readonly ContentSweep _sweep = new(database);

    public ContentSweep Sweep => _sweep;

    /// <summary>What was done so far, within the transaction.</summary>
    public RemovalReport Report() => new() { Entries = [.. _entries, .. _sweep.Deletions()] };

    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.NotFound"/>: no such image. <see cref="ErrorKind.Conflict"/>: in use, or it must be forced.
    /// </exception>
    public void Remove(string text, bool force)
    {
        ImageMatch match = ImageLookup.Get(database, text);
        ImmutableArray<Reference> references = References(match.Roots);
        if (match.IsById)
        {
            CheckUse(match, force);
            if (!force && !IsSingle(references))
            {
                throw Conflict(match, "must be forced", "image is referenced in multiple repositories");
            }

            Delete(match.Roots, "rmi");
            return;
        }

        Reference given = references.First(reference => match.Name is { } name
            ? reference.Name == name
            : reference.Name is null && reference.Repository == match.Repository);
        if (IsSingle(references))
        {
            CheckUse(match, force, given);
        }

        Untag(given, "rmi");
        ImmutableArray<Reference> left = References(match.Roots);
        if (given.Name is not null && !left.Any(reference => reference.Name is not null && reference.Repository == given.Repository))
        {
            // Docker: with the last tag in a repository the digests known there go too.
            foreach (Reference digest in left.Where(reference => reference.Repository == given.Repository))
            {
                Untag(digest, "rmi");
            }
        }

        if (References(match.Roots).IsEmpty)
        {
            Delete(match.Roots, "rmi");
        }
    }

    /// <summary>Removes what <paramref name="prune"/> selects, and then everything that no image needs.</summary>
    public void Prune(ImagePruneOptions prune)
    {
        DateTimeOffset now = options.Time.GetUtcNow();
        foreach (StoredImage image in ImageQueries.List(database))
        {
            bool selected = prune.All || (image.IsDangling && !(image.Retained > now));
            if (selected && image.Containers == 0 && Matches(image, prune))
            {
                Delete([image.Root.Digest], "prune");
            }
        }

        _sweep.SweepOrphans();
    }

    private static bool Matches(StoredImage image, ImagePruneOptions prune)
    {
        if (prune.Until is { } until && (image.Created ?? image.Added) >= until)
        {
            return false;
        }

        ImmutableSortedDictionary<string, string> labels = image.Primary?.Labels ?? ImmutableSortedDictionary<string, string>.Empty;
        return prune.Labels.All(label => Has(labels, label)) && !prune.ExcludedLabels.Any(label => Has(labels, label));
    }

    private static bool Has(ImmutableSortedDictionary<string, string> labels, string wanted)
    {
        int equals = wanted.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? labels.ContainsKey(wanted)
            : labels.TryGetValue(wanted[..equals], out string? value) && value == wanted[(equals + 1)..];
    }

    /// <summary>All of one repository: at most one tag, and digests beside it.</summary>
    private static bool IsSingle(ImmutableArray<Reference> references) =>
        references.Count(reference => reference.Name is not null) <= 1
        && references.Select(reference => reference.Repository).Distinct().Count() <= 1;

    private void CheckUse(ImageMatch match, bool force, Reference? given = null)
    {
        foreach (Digest root in match.Roots)
        {
            using Statement row = database.Use("""
                SELECT c.container, c.running FROM container_uses c JOIN variants v ON v.manifest = c.manifest
                WHERE v.root = ?1 ORDER BY c.running DESC, c.container LIMIT 1
                """);
            if (!row.Bind(1, root).Step())
            {
                continue;
            }

            string container = row.Text(0)[..Math.Min(12, row.Text(0).Length)];
            if (row.Bool(1))
            {
                throw Conflict(match, "cannot be forced", $"image is being used by running container {container}");
            }

            if (!force)
            {
                throw given is null
                    ? Conflict(match, "must be forced", $"image is being used by stopped container {container}")
                    : new MicaException(ErrorKind.Conflict, $"conflict: unable to remove repository reference \"{given.Familiar}\" (must force) "
                        + $"- container {container} is using its referenced image {ShortId(match)}");
            }
        }
    }

    private MicaException Conflict(ImageMatch match, string force, string why) =>
        new(ErrorKind.Conflict, $"conflict: unable to delete {ShortId(match)} ({force}) - {why}");

    private string ShortId(ImageMatch match) => (match.Id ?? ImageQueries.Get(database, match.Root)?.Id ?? match.Root).Short;

    /// <summary>Removes the images with all their names; their content goes as far as nothing else needs it.</summary>
    private void Delete(ImmutableArray<Digest> roots, string cause)
    {
        foreach (Reference reference in References(roots))
        {
            Untag(reference, cause);
        }

        foreach (Digest root in roots)
        {
            using Statement variants = database.Use("DELETE FROM variants WHERE root = ?1");
            variants.Bind(1, root).Run();
            using Statement row = database.Use("DELETE FROM roots WHERE digest = ?1");
            row.Bind(1, root).Run();
        }

        _sweep.Sweep(roots);
    }

    private void Untag(Reference reference, string cause)
    {
        if (reference.Name is { } name)
        {
            NameJournal.Move(database, name, reference.Repository, target: null, cause, options, undoes: null);
        }
        else
        {
            NameJournal.ForgetDigest(database, reference.Repository, reference.Root);
        }

        _entries.Add(new Untagged(reference.Familiar));
    }

    private ImmutableArray<Reference> References(ImmutableArray<Digest> roots)
    {
        var references = ImmutableArray.CreateBuilder<Reference>();
        foreach (Digest root in roots)
        {
            using (Statement names = database.Use("SELECT repository, name FROM names WHERE target = ?1 ORDER BY name"))
            {
                names.Bind(1, root);
                while (names.Step())
                {
                    references.Add(new Reference(root, names.Text(0), names.Text(1)));
                }
            }

            using Statement digests = database.Use("SELECT repository FROM repository_digests WHERE digest = ?1 ORDER BY repository");
            digests.Bind(1, root);
            while (digests.Step())
            {
                references.Add(new Reference(root, digests.Text(0), null));
            }
        }

        return references.ToImmutable();
    }

    /// <summary>A name of an image; null for its digest in the repository.</summary>
    private sealed record Reference(Digest Root, string Repository, string? Name)
    {
        public string Familiar => ImageReference.Parse(Name ?? $"{Repository}@{Root}").Familiar;
    }
}
