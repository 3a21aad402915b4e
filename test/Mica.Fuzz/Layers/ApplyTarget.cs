using Mica.Layers;
using Mica.Linux;

namespace Mica.Fuzz.Layers;

/// <summary>
/// <see cref="LayerUnpacker"/> into a directory, with all that this user may do: nothing beside that directory may appear, change or
/// go, and what was made can be removed again.
/// </summary>
internal sealed class ApplyTarget : FuzzTarget
{
    /// <summary>A name that archives try to make where they must not.</summary>
    public const string Canary = "mica-fuzz-canary";

    private const string Sentinel = "untouched";

    private static readonly bool s_root = LinuxUser.EffectiveUserId == 0;

    private static readonly LayerApplyOptions s_options = new()
    {
        WhiteoutForm = s_root ? WhiteoutForm.Trusted : WhiteoutForm.User,
        PreserveOwnership = s_root,
        MaxUnpackedBytes = 16 << 20,
        MaxEntries = 1000,
    };

    private readonly ScratchDirectory _scratch = new();
    private readonly (FileTime Directory, FileTime File) _before;

    public ApplyTarget()
    {
        Directory.CreateDirectory(_scratch.Combine("outside"));
        File.WriteAllText(_scratch.Combine("outside/sentinel"), Sentinel);
        _before = Outside();
    }

    public override string Description => "LayerUnpacker: a layer into a directory, and nothing outside of it";

    public override IReadOnlyList<byte[]> Seeds => [.. TarBytes.Corpus, .. Testdata.ReadAll("tar", "*-kinds*.tar.gz")];

    public override IReadOnlyList<byte[]> Words => TarBytes.Words;

    public override byte[]? Generate(Mutator mutator, Random random) => random.Next(5) switch
    {
        0 => null,
        1 => TarBytes.WithChecksums(mutator.Mutate(TarBytes.Generate(random), random), random),
        _ => TarBytes.Generate(random),
    };

    public override byte[] Repair(byte[] input, Random random) => random.Next(4) == 0 ? input : TarBytes.WithChecksums(input, random);

    public override void Run(byte[] input)
    {
        Directory.CreateDirectory(_scratch.Combine("layer"));
        try
        {
            using DirectoryHandle layer = _scratch.Handle.OpenDirectory("layer"u8);
            UnpackThreads threads = input.Length % 1024 == 0 ? UnpackThreads.One : UnpackThreads.Two;
            FuzzCase.Accepts(() => LayerUnpacker.UnpackAsync(new MemoryStream(input), layer, s_options, threads, progress: null, CancellationToken.None)
                .GetAwaiter().GetResult());
        }
        finally
        {
            _scratch.Handle.RemoveTree("layer"u8);
        }

        CheckOutside();
    }

    protected override void Dispose(bool disposing)
    {
        _scratch.Dispose();
        base.Dispose(disposing);
    }

    private void CheckOutside()
    {
        string[] here = Directory.GetFileSystemEntries(_scratch.Path);
        string[] outside = Directory.GetFileSystemEntries(_scratch.Combine("outside"));
        FuzzFailure.Unless(here.Length == 1 && outside.Length == 1, $"something appeared: {string.Join(", ", [.. here, .. outside])}");
        FuzzFailure.Unless(File.ReadAllText(_scratch.Combine("outside/sentinel")) == Sentinel, "a file outside was written to");
        FuzzFailure.Unless(Outside() == _before, "something outside was changed");
        FuzzFailure.Unless(!Path.Exists("/" + Canary), $"/{Canary} appeared");
    }

    /// <summary>When the inodes changed last: a name more, another mode, another content, nothing goes by it.</summary>
    private (FileTime Directory, FileTime File) Outside()
    {
        using DirectoryHandle outside = _scratch.Handle.OpenDirectory("outside"u8);
        return (outside.GetStatus().Changed, outside.GetStatus("sentinel"u8).Changed);
    }
}
