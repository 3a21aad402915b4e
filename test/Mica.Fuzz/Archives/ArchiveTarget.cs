using System.Collections.Immutable;
using Mica.Fuzz.Documents;
using Mica.Fuzz.Layers;
using Mica.Layers;
using Mica.Oci;
using Mica.Store;

namespace Mica.Fuzz.Archives;

/// <summary>
/// <see cref="ImageArchive"/> over archives as docker, podman and skopeo write them. Whatever is listed can be resolved, what is read
/// has the digest that it is asked for by, and no file is left behind.
/// </summary>
internal sealed class ArchiveTarget : FuzzTarget
{
    private const string Place = "archive";

    private readonly ScratchDirectory _scratch = new();
    private readonly ImageArchiveOptions _options;
    private readonly ImmutableArray<Member>[] _archives = [SampleArchives.Oci, SampleArchives.Docker, SampleArchives.Both, SampleArchives.Legacy];

    public ArchiveTarget() => _options = new ImageArchiveOptions(_scratch.Combine("spool")) { MaxUnpackedSize = 8 << 20 };

    public override string Description => "ImageArchive: docker archives of all ages, OCI archives";

    public override IReadOnlyList<byte[]> Seeds =>
        [.. _archives.Select(Write), SampleArchives.Gzip(Write(SampleArchives.Both))];

    public override IReadOnlyList<byte[]> Words { get; } =
    [
        .. JsonWords.Image,
        .. Testdata.Bytes(
            "oci-layout", "index.json", "manifest.json", "repositories", "blobs/sha256/", "../", "/", "layer.tar", "/json", "\"Config\":", "\"RepoTags\":null",
            "\"Layers\":[]", "\"RepoTags\":[\"a:b\",null,\"\"]", "\"parent\":", "\"container_config\":{\"Cmd\":[\"\\ud800\"]}", "\"imageLayoutVersion\":\"\\ud800\"", "1.0.0",
            OciLayoutFormat.RefName, OciLayoutFormat.ImageName),
    ];

    /// <summary>Mostly a good archive with one or two bad members: blind changes hardly get past the first headers.</summary>
    public override byte[]? Generate(Mutator mutator, Random random)
    {
        if (random.Next(6) == 0)
        {
            return null;
        }

        List<Member> members = [.. Mutator.Pick(_archives, random)];
        for (int changes = 1 + random.Next(2); changes > 0; changes--)
        {
            int at = random.Next(members.Count);
            Member member = members[at];
            switch (random.Next(12))
            {
                case 0:
                    members.RemoveAt(at);
                    members.Add(new Member("x", []));
                    break;
                case 1:
                    members.Add(member with { Content = mutator.Mutate(member.Content, random) });
                    break;
                case 2:
                    members[at] = member with { Target = Mutator.Pick(members, random).Name };
                    break;
                case 3:
                    members[at] = member with { Content = Mutator.Pick(members, random).Content };
                    break;
                default:
                    members[at] = member with { Content = mutator.Mutate(member.Content, random) };
                    break;
            }
        }

        return Write(members);
    }

    public override byte[] Repair(byte[] input, Random random) => TarBytes.WithChecksums(input, random);

    public override void Run(byte[] input)
    {
        FuzzCase.Accepts(() => ReadAsync(input).GetAwaiter().GetResult());
        string[] left = Directory.Exists(_scratch.Combine("spool")) ? Directory.GetFileSystemEntries(_scratch.Combine("spool")) : [];
        FuzzFailure.Unless(left.Length == 0, $"files are left behind: {string.Join(", ", left)}");
    }

    protected override void Dispose(bool disposing)
    {
        _scratch.Dispose();
        base.Dispose(disposing);
    }

    private async Task ReadAsync(byte[] input)
    {
        using ImageArchive archive = await OpenAsync(input);
        foreach (ListedImage image in await archive.ListAsync(CancellationToken.None))
        {
            foreach (string name in image.Names)
            {
                await ResolveAsync(archive, name);
            }

            await ResolveAsync(archive, image.Descriptor.Digest.ToString());
            await ReadAsync(archive, image.Descriptor, depth: 0);
        }
    }

    private async Task<ImageArchive> OpenAsync(byte[] input)
    {
        if (input.Length % 1024 == 0)
        {
            return await ImageArchive.OpenAsync(new MemoryStream(input), Place, _options, CancellationToken.None);
        }

        string path = _scratch.Combine(Place);
        await File.WriteAllBytesAsync(path, input);
        return await ImageArchive.OpenAsync(path, _options, CancellationToken.None);
    }

    private static async Task ResolveAsync(ImageArchive archive, string name)
    {
        try
        {
            await archive.ResolveAsync(name, CancellationToken.None);
        }
        catch (MicaException refusal)
        {
            FuzzCase.CheckMessage(refusal);
        }
    }

    /// <summary>Reads what an image is made of, each part for itself: one that is damaged does not save the others.</summary>
    private static async Task ReadAsync(ImageArchive archive, Descriptor descriptor, int depth)
    {
        try
        {
            if (!MediaTypes.IsDocument(descriptor.MediaType))
            {
                await using Stream content = await archive.OpenAsync(descriptor, CancellationToken.None);
                await content.CopyToAsync(Stream.Null);
                return;
            }

            byte[] document = await archive.ReadDocumentAsync(descriptor, CancellationToken.None);
            FuzzFailure.Unless(Digest.Of(document) == descriptor.Digest || descriptor.Digest.Algorithm != Digest.Sha256, "a document has another digest");
            foreach (Descriptor child in ManifestDocument.Children(document, descriptor.MediaType).Take(depth < 4 ? 20 : 0))
            {
                await ReadAsync(archive, child, depth + 1);
            }
        }
        catch (MicaException refusal)
        {
            FuzzCase.CheckMessage(refusal);
        }
    }

    private static byte[] Write(IEnumerable<Member> members)
    {
        using var archive = new MemoryStream();
        var writer = new TarWriter(archive);
        foreach (Member member in members)
        {
            var entry = new TarEntry { Kind = TarEntryKind.File, Path = new LinuxPath(member.Name), Mode = 0x1a4, Size = member.Content.Length };
            if (member.Target is { } target)
            {
                writer.Write(entry with { Kind = TarEntryKind.SymbolicLink, LinkTarget = new LinuxPath(target), Size = 0 }, []);
            }
            else
            {
                writer.Write(entry, member.Content);
            }
        }

        writer.Finish();
        return archive.ToArray();
    }

    private static byte[] Write(ImmutableArray<Member> members) => Write((IEnumerable<Member>)members);
}
