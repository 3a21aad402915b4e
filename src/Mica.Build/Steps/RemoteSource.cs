using Mica.Dockerfile;
using Mica.Layers;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Build;

/// <summary>ADD from a URL. The content's digest is what counts, so it is fetched by every build that gets here.</summary>
internal sealed class RemoteSource(StageStep step, AddInstruction add)
{
    private const int FileMode = 0x180; // 0600

    /// <summary>Whether ADD takes the source from somewhere else than the context.</summary>
    public static bool IsRemote(string source) => source.StartsWith("http://", StringComparison.OrdinalIgnoreCase)
        || source.StartsWith("https://", StringComparison.OrdinalIgnoreCase) || source.StartsWith("git@", StringComparison.Ordinal)
        || source.StartsWith("git://", StringComparison.OrdinalIgnoreCase) || source.StartsWith("ssh://", StringComparison.OrdinalIgnoreCase);

    public async Task<StageState> RunAsync(int number)
    {
        CancellationToken token = step.Stage.Token;
        if (add.Transfer.Sources is not [PathSource { Path: var url }])
        {
            throw new MicaException(ErrorKind.Unsupported, "ADD takes one URL at a time: write one ADD for each");
        }

        if (GitAddress.TryParse(url, out GitAddress? repository))
        {
            return await new GitSource(step, add, repository).RunAsync(number);
        }

        if (!url.StartsWith("http", StringComparison.OrdinalIgnoreCase) || !Uri.TryCreate(url, UriKind.Absolute, out _))
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"ADD {Printable.Of(url)}: neither an http(s) address nor one of a git repository");
        }

        string file = Path.Join(step.Run.Workspace.NewDirectory("url"), "content");
        (string digest, DateTimeOffset? modified) = await FetchAsync(new Uri(url), file, token);
        if (add.Checksum is { } checksum && checksum != $"sha256:{digest}")
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"digest mismatch sha256:{digest}: {Printable.Of(checksum)}");
        }

        if (step.Run.Options.Lock is { } locked && locked.Addresses.TryGetValue(url, out Digest wanted) && wanted.Hex != digest)
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"{WebDownload.Shown(new Uri(url))}: has changed since it was locked, {wanted} → sha256:{digest}: run mica lock --update");
        }

        step.Run.Materials.Add(new BuildMaterial(WebDownload.Shown(new Uri(url)), Digest.Parse($"sha256:{digest}")));
        StepInputs inputs = step.NewInputs("ADD", dependsOnLayersBelow: !add.Transfer.Link);
        inputs.Add("source", url);
        inputs.Add($"content of {url}", digest);
        inputs.Add("destination", $"{step.State.WorkingDirectory} {add.Transfer.Destination}");
        inputs.Add("--chown", add.Transfer.Owner ?? "");
        inputs.Add("--chmod", add.Transfer.Mode ?? "");
        inputs.Add("options", add.Unpack == true ? "unpack" : "");
        string history = StageStep.History("ADD", add.Transfer);
        return await step.ResolveAsync(number, inputs, step.State, history, async _ =>
        {
            using LayerStack below = await step.StackAsync();
            return await step.Run.Workspace.AddArchiveAsync(
                archive => Write(archive, below, file, new Uri(url), modified ?? DateTimeOffset.UnixEpoch, token), step.Latest, token);
        });
    }

    private void Write(TarWriter archive, LayerStack below, string file, Uri url, DateTimeOffset modified, CancellationToken token)
    {
        (uint uid, uint gid) = add.Transfer.Owner is { } text ? Ownership.Owner(new StackTree(below, "the image"), text) : (0u, 0u);
        var layer = new LayerArchive(archive, below, step.Now(), uid, gid);
        string destination = add.Transfer.Destination.StartsWith('/') ? add.Transfer.Destination : $"{step.State.WorkingDirectory}/{add.Transfer.Destination}";
        LinuxPath target = below.Resolve(new LinuxPath(GlobPath.Clean(destination)[1..]));
        using FileStream content = File.OpenRead(file);
        if (add.Unpack == true && AddedArchive.TryUnpack(content, layer, target, add.Transfer.Owner is null ? null : (uid, gid), token))
        {
            return;
        }

        content.Position = 0;
        bool isDirectory = destination.EndsWith('/') || target.IsEmpty || below.Find(target) is { Kind: Linux.FileKind.Directory };
        string name = Path.GetFileName(url.LocalPath);
        if (isDirectory && name.Length == 0)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"cannot determine filename for source {WebDownload.Shown(url)}: name a file as the destination");
        }

        LinuxPath place = isDirectory ? target.Append(System.Text.Encoding.UTF8.GetBytes(name)) : target;
        layer.Parents(place);
        archive.Write(new TarEntry
        {
            Kind = TarEntryKind.File,
            Path = place,
            Mode = add.Transfer.Mode is { } mode ? (int)SymbolicMode.Parse(mode).Apply(FileMode, false) : FileMode,
            Uid = uid,
            Gid = gid,
            Size = content.Length,
            ModificationTime = new UnixTime(modified.ToUnixTimeSeconds(), 0),
        }, content);
    }

    private async Task<(string Digest, DateTimeOffset? Modified)> FetchAsync(Uri url, string file, CancellationToken token)
    {
        await using var download = await WebDownload.OpenAsync(url, step.Run.Options.Downloads, token);
        try
        {
            await using FileStream target = File.Create(file);
            await download.Content.CopyToAsync(target, token);
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException)
        {
            throw new MicaException(ErrorKind.Unavailable, $"cannot fetch {WebDownload.Shown(url)}: {Printable.Of(failure.Message)}", failure);
        }

        using SafeFileHandle content = File.OpenHandle(file);
        return (ContentHash.Of(content).ToString(), download.LastModified);
    }
}
