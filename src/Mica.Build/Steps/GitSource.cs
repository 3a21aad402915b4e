using Mica.Dockerfile;
using Mica.Layers;
using Mica.Linux;

namespace Mica.Build;

/// <summary>ADD of a git repository. The commit is what counts: it is asked for by every build, and fetched by those that need it.</summary>
internal sealed class GitSource(StageStep step, AddInstruction add, GitAddress address)
{
    public async Task<StageState> RunAsync(int number)
    {
        CancellationToken token = step.Stage.Token;
        bool keeps = add.KeepGitDir ?? address.KeepsGitDirectory;
        GitAddress wanted = address with { KeepsGitDirectory = keeps, Checksum = add.Checksum ?? address.Checksum };
        string name = address.ToString();

        // What is locked is still there, wherever the branch is by now: nobody has to be asked.
        string commit = step.Run.Options.Lock?.Repositories.GetValueOrDefault(name) ?? await GitClone.ResolveAsync(wanted, token);
        step.Run.Materials.Add(new BuildMaterial(name, commit.Length == 40 ? "sha1" : "sha256", commit));
        FileTransfer transfer = add.Transfer with { Sources = [new PathSource("/")] };
        StepInputs inputs = step.NewInputs("ADD", dependsOnLayersBelow: !transfer.Link);
        inputs.Add("repository", name);
        inputs.Add($"commit of {name}", commit);
        inputs.Add("git options", $"{(keeps ? "keep-git-dir " : "")}{(wanted.HasSubmodules ? "submodules" : "")}");
        CopyStep.Define(inputs, transfer, step.State.WorkingDirectory, unpacksArchives: false);
        return await step.ResolveAsync(number, inputs, step.State, StageStep.History("ADD", add.Transfer), async _ =>
        {
            GitClone clone = new(wanted with { Reference = commit }, step.Run.Workspace.NewDirectory("git"));
            string directory = await clone.RunAsync(token);
            using (DirectoryHandle root = DirectoryHandle.Open(directory))
            {
                // git gives files the time at which it wrote them; the layer is to be the same tomorrow.
                SetTimes(root, new FileTime((clone.CommitTime ?? DateTimeOffset.UnixEpoch).ToUnixTimeSeconds(), 0));
            }

            using ContextTree tree = new(directory, PatternList.Empty, null, name);
            CopyStep copy = new(transfer, tree, step.State.WorkingDirectory, unpacksArchives: false, portableModes: true);
            copy.Describe(new StepInputs(), token);
            using LayerStack? below = transfer.Link ? null : await step.StackAsync();
            return await step.Run.Workspace.AddArchiveAsync(archive => copy.Write(archive, below, step.Now(), token), step.Latest, token);
        });
    }

    private static void SetTimes(DirectoryHandle directory, FileTime time)
    {
        List<byte[]> names = [];
        using (DirectoryReader reader = new(directory))
        {
            while (reader.TryRead(out ReadOnlySpan<byte> name, out _))
            {
                names.Add(name.ToArray());
            }
        }

        foreach (byte[] name in names)
        {
            if (directory.TryOpenDirectory(name, out DirectoryHandle? inner) == Errno.None)
            {
                using (inner)
                {
                    SetTimes(inner!, time);
                }
            }

            directory.SetTimes(name, null, time);
        }

        directory.SetTimes(null, time);
    }
}
