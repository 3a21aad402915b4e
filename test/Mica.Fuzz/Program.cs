using System.Diagnostics;
using System.Globalization;
using Mica.Fuzz;
using SharpFuzz;

const string Usage = """
    usage: Mica.Fuzz TARGET [--seconds N] [--seed S] [FILE-or-DIR...]
           Mica.Fuzz TARGET --write-seeds DIR

    Feeds a parser with mutated inputs for N seconds (30), beginning with the files if there are any. Files without --seconds
    are run as they are, to look into a failure again. Inputs that fail are saved in artifacts/fuzz. Under AFL (afl-fuzz, and
    assemblies that sharpfuzz has instrumented) it runs what AFL sends; the seeds are for AFL to begin with. Targets:

    """;

if (args.Length == 0 || !FuzzTargets.All.TryGetValue(args[0], out Func<FuzzTarget>? create))
{
    (args.Length == 0 ? Console.Out : Console.Error).WriteLine(Usage + string.Concat(FuzzTargets.All.Select(Describe)));
    return args.Length == 0 ? 0 : 2;
}

if (Environment.GetEnvironmentVariable("__AFL_SHM_ID") is not null)
{
    RunUnderAfl(create);
    return 0;
}

using FuzzTarget target = create();
if (FuzzArguments.Parse(args.AsSpan(1), out string? problem) is not { } arguments)
{
    Console.Error.WriteLine($"{problem}\n{Usage}");
    return 2;
}

if (arguments.SeedDirectory is { } directory)
{
    Directory.CreateDirectory(directory);
    for (int number = 0; number < target.Seeds.Count; number++)
    {
        File.WriteAllBytes(Path.Combine(directory, $"seed-{number}"), target.Seeds[number]);
    }

    return 0;
}

return Run(args[0], target, arguments);

static int Run(string name, FuzzTarget target, FuzzArguments arguments)
{
    using var run = new FuzzRun(name, target, Path.GetFullPath("artifacts/fuzz"));
    bool replays = arguments is { Seconds: null, Files.Count: > 0 };
    IEnumerable<byte[]> inputs = arguments.Files;
    if (!replays)
    {
        Console.WriteLine($"{name}: --seed {arguments.Seed}; the input that is running is in {run.CurrentFile}");
        inputs = Inputs(new FuzzInputs(target, arguments.Seed, arguments.Files), TimeSpan.FromSeconds(arguments.Seconds ?? 30));
    }

    var clock = Stopwatch.StartNew();
    bool ended = run.Run(inputs);
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {run.Done} inputs in {clock.Elapsed.TotalSeconds:0.0} s, {run.Problems} problems"));
    if (!ended)
    {
        // The thread cannot be ended otherwise, and uses what the target would dispose.
        Environment.Exit(1);
    }

    return run.Problems == 0 ? 0 : 1;
}

static IEnumerable<byte[]> Inputs(FuzzInputs inputs, TimeSpan time)
{
    var clock = Stopwatch.StartNew();
    for (long number = 0; clock.Elapsed < time; number++)
    {
        yield return inputs[number];
    }
}

static void RunUnderAfl(Func<FuzzTarget> create)
{
    // Not before there is an input: instrumented code has nowhere to write to until then.
    FuzzTarget? target = null;
    Fuzzer.OutOfProcess.Run(stream =>
    {
        target ??= create();
        using var input = new MemoryStream();
        stream.CopyTo(input);
        if (FuzzCase.Judge(target, input.ToArray()) is { } problem)
        {
            throw new FuzzFailure(problem.ToString());
        }
    });
    target?.Dispose();
}

static string Describe(KeyValuePair<string, Func<FuzzTarget>> each)
{
    using FuzzTarget target = each.Value();
    return $"  {each.Key,-12} {target.Description}\n";
}
